//! A table of the report from its column names and rows.

use crate::report::Table;

pub fn table(title: String, columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    Table { title, columns, rows, ..Table::default() }
}
