import org.junit.jupiter.api.Test;

class ShopTest {
    @Test
    void opens() {}
}
