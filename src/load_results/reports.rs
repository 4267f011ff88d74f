//! Reports for people: hey, oha, wrk and wrk2, ab, and vegeta's report and histogram.

use super::{
    figures::{Failures, P99, Percentile, RequestFigures, no_requests, rank_of_p99},
    latencies,
    load_test::{Format, LoadTest, ReadError, Unit},
    oha,
};
use crate::values::decimal::Decimal;

/// The report that a text is, if it is a known one.
pub(super) fn recognize(text: &str) -> Option<Format> {
    let has = |part: &str| text.contains(part);
    if has("This is ApacheBench") || has("Percentage of the requests served within a certain time") {
        Some(Format::Ab)
    } else if has("test @ http") && !has("97.5%") || text.starts_with("unable to connect to ") {
        Some(Format::Wrk)
    } else if has("Success rate:") && has("Response time histogram:") {
        // Before version 1 oha had the headings of hey.
        Some(Format::Oha)
    } else if has("Response time histogram:") && has("Latency distribution:") && !has("Count:") {
        Some(Format::Hey)
    } else if has("Latencies ") && has(" 99, max]") || is_histogram(text) {
        Some(Format::Vegeta)
    } else if has("Value") && has("Percentile") && has("1/(1-Percentile)") {
        Some(Format::Latencies)
    } else {
        None
    }
}

pub(super) fn read(format: Format, text: &str) -> Result<LoadTest, ReadError> {
    let reports = reports_in(format, text);
    if reports > 1 {
        return Err(ReadError::several(reports, format));
    }
    match format {
        Format::Ab => read_ab(text),
        Format::Wrk => read_wrk(text),
        Format::Hey => Ok(read_hey(text)),
        Format::Oha => read_oha(text),
        Format::Vegeta if is_histogram(text) => read_vegeta_histogram(text),
        Format::Vegeta => read_vegeta(text),
        _ => latencies::read_hdr(text),
    }
}

/// How many reports a text contains, by what each of them has once.
fn reports_in(format: Format, text: &str) -> usize {
    let marks: &[&str] = match format {
        Format::Ab => &["This is ApacheBench", "Complete requests:"],
        Format::Wrk => &[" test @ http", " requests in "],
        Format::Hey => &["Requests/sec:"],
        Format::Oha => &["Success rate:"],
        Format::Vegeta if is_histogram(text) => &["Histogram"],
        Format::Vegeta => &["[min, mean, ", "[mean, "],
        _ => &["1/(1-Percentile)"],
    };
    marks.iter().map(|mark| text.matches(mark).count()).max().unwrap_or_default()
}

/// The first number behind `label`.
fn number_after(text: &str, label: &str) -> Option<u64> {
    let rest = text.split_once(label)?.1.trim_start();
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The lines ` 99%  57` below a heading, with a percent and the first word behind it.
fn percent_lines<'a>(text: &'a str, heading: &str) -> Vec<(Decimal, &'a str)> {
    let below = text.split_once(heading).map_or("", |(_, below)| below);
    let rows = below.lines().skip(1).map_while(|line| {
        let (percent, rest) = line.trim().split_once('%')?;
        let value = rest.trim_start_matches('%').trim().trim_start_matches("in ").split_whitespace().next()?;
        Some((percent.trim().parse().ok()?, value))
    });
    rows.collect()
}

fn p99_of(percentiles: &[Percentile], absent: impl FnOnce() -> P99) -> Result<Decimal, P99> {
    let reported = percentiles.iter().find(|reported| reported.percent == Decimal::whole(99));
    reported.map(|reported| reported.latency).ok_or_else(absent)
}

/// The percentiles of such lines, and the 99th of them.
fn latencies_of(
    rows: &[(Decimal, &str)],
    latency: impl Fn(&str) -> Option<Decimal>,
    absent: impl FnOnce() -> P99,
) -> (Vec<Percentile>, Result<Decimal, P99>) {
    let read = |(percent, value): &(Decimal, &str)| Some(Percentile { percent: *percent, latency: latency(value)? });
    let percentiles: Vec<Percentile> = rows.iter().filter_map(read).collect();
    let p99 = p99_of(&percentiles, || match rows.iter().find(|(percent, _)| *percent == Decimal::whole(99)) {
        Some((_, value)) => P99::missing(
            format!("the 99 % line has {value:?}, which is not a latency"),
            "let the tool write numbers with a decimal point: set `LC_ALL=C`",
        ),
        None => absent(),
    });
    (percentiles, p99)
}

fn read_ab(text: &str) -> Result<LoadTest, ReadError> {
    let Some(complete) = number_after(text, "Complete requests:") else {
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(ReadError::empty(format!("ab ended early: {}", last.trim())));
    };
    // A response of another length is no failure: pages differ.
    let failed = text
        .split_once("Failed requests:")
        .map_or("", |(_, rest)| rest.split("Total transferred").next().unwrap_or(rest));
    let parts =
        ["Connect:", "Receive:", "Exceptions:"].iter().filter_map(|label| number_after(failed, label)).sum::<u64>();
    let by_time = parts + number_after(text, "Non-2xx responses:").unwrap_or_default();
    let rows = percent_lines(text, "Percentage of the requests served within a certain time");
    let (percentiles, p99) = latencies_of(&rows, |value| value.parse().ok(), no_requests);
    let all = RequestFigures::reported(Some(complete), Some(Failures::by_time(by_time)), p99, percentiles);
    let mut results = LoadTest::new(Format::Ab, Some(Unit::Milliseconds), all);
    let after = |label: &str| text.split_once(label).and_then(|(_, rest)| rest.lines().next()).map(str::trim);
    if let (Some(host), Some(port), Some(path)) =
        (after("Server Hostname:"), after("Server Port:"), after("Document Path:"))
    {
        results.profile.target = Some(format!("{host}:{port}{path}"));
    }
    results.profile.users = number_after(text, "Concurrency Level:");
    Ok(results)
}

/// wrk writes `2 threads and 10 connections`, and each latency with its unit. wrk2 has more digits in its percents.
fn read_wrk(text: &str) -> Result<LoadTest, ReadError> {
    let line_with = |part: &str| text.lines().map(str::trim).find(|line| line.contains(part));
    let Some(requests) = line_with(" requests in ").and_then(|line| line.split(' ').next()?.parse::<u64>().ok()) else {
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(ReadError::empty(format!("wrk ended early: {}", last.trim())));
    };
    let errors = line_with("Socket errors:").unwrap_or_default();
    let left_out =
        ["connect ", "read ", "write ", "timeout "].iter().filter_map(|label| number_after(errors, label)).sum();
    let by_time = number_after(text, "Non-2xx or 3xx responses:").unwrap_or_default();
    let heading =
        if text.contains("Latency Distribution (") { "Latency Distribution (" } else { "Latency Distribution" };
    let rows = percent_lines(text, heading);
    let (percentiles, p99) = latencies_of(&rows, with_unit, || {
        P99::missing("wrk's report has no percentiles", "run wrk with `--latency`, which prints the 99 % line")
    });
    let p99 = if requests == 0 { Err(no_requests()) } else { p99 };
    let all =
        RequestFigures::reported(Some(requests + left_out), Some(Failures::new(by_time, left_out)), p99, percentiles);
    let mut results = LoadTest::new(Format::Wrk, Some(Unit::Milliseconds), all);
    results.profile.target = line_with(" test @ ").and_then(|line| Some(line.split_once(" @ ")?.1.trim().to_owned()));
    results.profile.users = line_with(" connections").and_then(|line| number_after(line, " threads and "));
    Ok(results)
}

/// A latency with its unit behind it, such as `26.37ms` or Go's `1h1m2.5s`, in milliseconds.
fn with_unit(text: &str) -> Option<Decimal> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let number: Decimal = number.parse().ok()?;
    let seconds = |seconds: u64| number.times(Decimal::whole(seconds * 1000));
    for (letter, long) in [('h', 3600), ('m', 60)] {
        if let Some(rest) = unit.strip_prefix(letter).filter(|rest| !rest.is_empty() && !rest.starts_with('s')) {
            return Decimal::from_f64(seconds(long).to_f64() + with_unit(rest)?.to_f64());
        }
    }
    match unit {
        "m" => Some(seconds(60)),
        "h" => Some(seconds(3600)),
        unit => Some(unit.parse::<Unit>().ok()?.convert(number, Unit::Milliseconds)),
    }
}

/// The responses and errors of hey's and oha's reports.
struct Distribution {
    responses: u64,
    by_time: u64,
    /// By the text of the error.
    errors: Vec<(String, u64)>,
}

impl Distribution {
    fn of(text: &str) -> Self {
        let rows = |heading: &str| {
            let below = text.split_once(heading).map_or("", |(_, below)| below);
            let rows = below.lines().skip(1).map_while(|line| {
                let (key, rest) = line.trim().strip_prefix('[')?.split_once(']')?;
                Some((key.to_owned(), rest.trim().to_owned()))
            });
            rows.collect::<Vec<_>>()
        };
        let responses: Vec<(String, u64)> = rows("Status code distribution:")
            .into_iter()
            .filter_map(|(status, rest)| Some((status, rest.split_whitespace().next()?.parse().ok()?)))
            .collect();
        let failed = responses.iter().filter(|(status, _)| status.starts_with(['4', '5']));
        let errors = rows("Error distribution:").into_iter();
        Self {
            by_time: failed.map(|(_, number)| number).sum(),
            responses: responses.iter().map(|(_, number)| number).sum(),
            errors: errors.filter_map(|(number, error)| Some((error, number.parse().ok()?))).collect(),
        }
    }

    fn errors(&self, counts: impl Fn(&str) -> bool) -> u64 {
        self.errors.iter().filter(|(error, _)| counts(error)).map(|(_, number)| number).sum()
    }
}

/// hey counts a response by its time, whatever its status; an error has none. Seconds with four decimals.
fn read_hey(text: &str) -> LoadTest {
    let found = Distribution::of(text);
    let (answered, by_time, left_out) = (found.responses, found.by_time, found.errors(|_| true));
    let rows = percent_lines(text, "Latency distribution:");
    let (mut percentiles, p99) = latencies_of(&rows, |value| value.parse().ok(), no_requests);
    let slowest = text.split_once("Slowest:").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    percentiles.extend(slowest.map(|latency| Percentile { percent: Decimal::whole(100), latency }));
    let failures = Some(Failures::new(by_time, left_out));
    let all = RequestFigures::reported(Some(answered + left_out), failures, p99, percentiles);
    LoadTest::new(Format::Hey, Some(Unit::Seconds), all)
}

/// The columns have their names in the heading: before version 12.6 there were fewer.
fn read_vegeta(text: &str) -> Result<LoadTest, ReadError> {
    let line = |label: &str| text.lines().map(str::trim).find(|line| line.starts_with(label));
    let row = |label: &str| Some(line(label)?.split_once(']')?.1.trim());
    let malformed = || ReadError::malformed("vegeta's report is cut off, or its numbers are not as vegeta writes them");
    let requests = row("Requests").and_then(|row| row.split(',').next()?.parse::<u64>().ok()).ok_or_else(malformed)?;
    let latencies = row("Latencies").ok_or_else(malformed)?;
    let by_time = row("Status Codes").ok_or_else(malformed)?.split_whitespace().filter_map(|pair| {
        let (code, number) = pair.split_once(':')?;
        (!code.starts_with(['2', '3'])).then(|| number.parse::<u64>().ok()).flatten()
    });
    let failures = Failures::by_time(by_time.sum());
    let heading = line("Latencies").and_then(|line| line.split_once('[')?.1.split_once(']')).ok_or_else(malformed)?.0;
    let columns: Vec<&str> = heading.split(", ").collect();
    let values: Option<Vec<Decimal>> = latencies.split(", ").map(|value| with_unit(value.trim())).collect();
    let values = values.filter(|values| values.len() == columns.len()).ok_or_else(malformed)?;
    let reported = columns.into_iter().zip(values).filter_map(|(column, latency)| {
        let percent = if column == "max" { Decimal::whole(100) } else { column.parse().ok()? };
        Some(Percentile { percent, latency })
    });
    let percentiles: Vec<Percentile> = reported.collect();
    let p99 = if requests == 0 { Err(no_requests()) } else { p99_of(&percentiles, no_requests) };
    let all = RequestFigures::reported(Some(requests), Some(failures), p99, percentiles);
    Ok(LoadTest::new(Format::Vegeta, Some(Unit::Milliseconds), all))
}

/// oha without `--output-format`: as hey's report, in the unit that fits the slowest request.
fn read_oha(text: &str) -> Result<LoadTest, ReadError> {
    let malformed = || ReadError::malformed("oha's report is cut off");
    let headings = ["Response time distribution:", "Latency distribution:"];
    let (_, below) = headings.iter().find_map(|heading| text.split_once(heading)).ok_or_else(malformed)?;
    let (distribution, rest) = below.split_once("Details (").ok_or_else(malformed)?;
    if !rest.contains("Status code distribution:") {
        return Err(malformed());
    }
    // `99.00% in 67.9199 ms`
    let row = |line: &str| -> Option<Percentile> {
        let (percent, time) = line.trim().split_once("% in ")?;
        Some(Percentile { percent: percent.parse().ok()?, latency: with_word(time)? })
    };
    // With `--stats-success-breakdown` there are more of them below.
    let rows = distribution.lines().skip(1).map_while(row);
    let mut percentiles: Vec<Percentile> = rows.collect();
    let p99 = p99_of(&percentiles, || P99::missing("oha measured no response", "see the errors in oha's output"));
    let value = |label: &str| text.split_once(label).and_then(|(_, rest)| with_word(rest.lines().next()?.trim()));
    percentiles.extend(value("Slowest:").map(|latency| Percentile { percent: Decimal::whole(100), latency }));
    let found = Distribution::of(text);
    let left_out = found.errors(|error| error != oha::AT_THE_END);
    let aborted = found.errors(|error| error == oha::AT_THE_END);
    let rate = text.split_once("Requests/sec:").and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok());
    let mean = value("Average:").map(|mean| mean.to_f64() / 1e3);
    let unanswered = oha::unanswered(rate.zip(mean), aborted);
    let failures = Failures { by_time: found.by_time, left_out, unanswered };
    let requests = found.responses + left_out + unanswered;
    let all = RequestFigures::reported(Some(requests), Some(failures), p99, percentiles);
    Ok(LoadTest::new(Format::Oha, Some(Unit::Milliseconds), all))
}

/// A latency with a word for its unit behind it, such as `67.9199 ms` or `0.0679 secs`, in milliseconds.
fn with_word(text: &str) -> Option<Decimal> {
    let (number, unit) = text.split_once(' ')?;
    let number: Decimal = number.parse().ok()?;
    let seconds = |seconds: u64| number.times(Decimal::whole(seconds * 1000));
    match unit.trim() {
        "sec" | "secs" => Some(seconds(1)),
        "10 sec" => Some(seconds(10)),
        "min" => Some(seconds(60)),
        "10 min" => Some(seconds(600)),
        "hr" => Some(seconds(3600)),
        unit => Some(unit.parse::<Unit>().ok()?.convert(number, Unit::Milliseconds)),
    }
}

/// Whether a text is the histogram of `vegeta report -type='hist[…]'`.
fn is_histogram(text: &str) -> bool {
    let heading: Vec<&str> = text.lines().next().unwrap_or_default().split_whitespace().collect();
    heading == ["Bucket", "#", "%", "Histogram"]
}

/// A count for each range of latencies, failed requests among them. The p99 is in one of the ranges.
fn read_vegeta_histogram(text: &str) -> Result<LoadTest, ReadError> {
    let mut buckets = Vec::new();
    for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        // `[10ms,  25ms]  94  18.80%  ####`
        let bucket = || {
            let (range, rest) = line.strip_prefix('[')?.split_once(']')?;
            let (low, high) = range.split_once(',')?;
            let high = Some(high.trim()).filter(|high| *high != "+Inf").map(with_unit);
            let count: u64 = rest.split_whitespace().next()?.parse().ok()?;
            Some((with_unit(low.trim())?, high, count))
        };
        match bucket() {
            Some((low, None, count)) => buckets.push((low, None, count)),
            Some((low, Some(Some(high)), count)) => buckets.push((low, Some(high), count)),
            _ => return Err(ReadError::malformed(format!("{line:?} in vegeta's histogram"))),
        }
    }
    let requests = buckets.iter().map(|(_, _, count)| count).sum();
    let mut seen = 0;
    let within = buckets.into_iter().find(|(_, _, count)| {
        seen += count;
        seen >= rank_of_p99(requests)
    });
    let p99 = match within {
        Some((low, high, _)) if requests > 0 => P99::Between { low, high },
        _ => no_requests(),
    };
    let all = RequestFigures { requests: Some(requests), ..RequestFigures::of_p99(p99) };
    Ok(LoadTest::new(Format::Vegeta, Some(Unit::Milliseconds), all))
}
