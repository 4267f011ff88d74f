// What a person sees of the page, as JSON. Opens every fold; run it last.
(() => {
    const article = document.querySelector('article');
    const root = document.documentElement;
    // What mermaid drew is in a frame of its own on GitHub.
    const isDrawn = element => element.closest('.chart svg') !== null;
    const all = () => [...article.querySelectorAll('*')].filter(element => !isDrawn(element));
    const text = element => element.innerText.replaceAll("\u00a0", " ").trim();

    // Elements and attributes that GitHub keeps in markdown; it drops all others.
    const elements = `a abbr b bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4
        h5 h6 hr i img ins kbd li mark ol p picture pre q rp rt ruby s samp small source span strike strong sub summary sup table
        tbody td tfoot th thead time tr tt ul var wbr`.split(/\s+/);
    const attributes = 'abbr align alt cite colspan datetime height href lang open rowspan scope src start title width'.split(' ');
    const dropped = all().filter(element => !element.matches('.chart')).flatMap(element => {
        const tag = element.localName;
        if (!elements.includes(tag)) return [`<${tag}>`];
        return [...element.attributes].filter(({ name }) => !attributes.includes(name)).map(({ name }) => `<${tag} ${name}>`);
    });

    // A table or a code block scrolls in itself: what it holds does not make the page wider.
    const scrolls = element => element.localName === 'table' || element.localName === 'pre';
    const inScroller = element => {
        for (let outer = element.parentElement; outer !== article; outer = outer.parentElement) if (scrolls(outer)) return true;
        return false;
    };
    const describe = element => `<${element.localName}> ${element.textContent.trim().slice(0, 60)}`;
    const wide = () => [
        ...(root.scrollWidth > root.clientWidth ? [`the page, ${root.scrollWidth} px`] : []),
        ...all().filter(element => element.checkVisibility() && !inScroller(element))
            .filter(element => element.getBoundingClientRect().right > root.clientWidth + 0.5).map(describe),
    ];
    const scrolling = () => all().filter(element => element.localName === 'table' && element.checkVisibility())
        .filter(table => table.scrollWidth > table.clientWidth).map(describe);

    const first = article.firstElementChild;
    const measures = {
        height: Math.ceil(article.getBoundingClientRect().height),
        first: first ? first.localName : '',
        title: first ? text(first) : '',
        titles: all().filter(element => /^h[1-3]$/.test(element.localName)).length,
        links: all().filter(element => element.localName === 'a').map(link => link.getAttribute('href') || ''),
        dropped,
        charts: [...article.querySelectorAll('.chart svg')].filter(chart => chart.checkVisibility())
            .map(chart => [...chart.querySelectorAll('text')].map(label => label.textContent).join(' ')),
        visible: text(article),
        scrolling: scrolling(),
    };
    article.querySelectorAll('details').forEach(details => { details.open = true; });
    return { ...measures, unfolded: text(article), unfolded_scrolling: scrolling(), wide: wide() };
})()
