//! Judges the conditions by the last answer to each question.
//!
//! | observed of a condition | verdict |
//! |---|---|
//! | every figure was read, has enough samples, and is within its bounds; no matching alert, and the one that always fires is there | passed |
//! | a figure is outside of a bound; an alert fires; the error budget burns too fast over both windows | blocked |
//! | no answer, an error, `NaN`, an empty result, several values, a value that is too old, too few samples, a baseline of 0 | inconclusive |
//! | it holds now, but for longer than `max-age` of the duration no reading said so | inconclusive |

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    checks::{AskedFigure, AskedMinimum, BurnRateCheck, Check, CheckKind, Checks},
    condition::{Amount, Bound},
    observations::{AlertSnapshot, Answers, HeldTimes, MetricObservations, Sample, Unread, Watchdog},
    unit::MetricUnit,
};
use crate::{
    clock::{Moment, rfc3339},
    finding::{Figures, Finding, Verdict, verdict},
    observe::Judgement,
    values::{
        HumanDuration,
        decimal::Decimal,
        figures::{rounded, rounded_beside},
    },
};

/// Alerts that a finding names.
const MOST_ALERTS: usize = 3;
/// Prometheus sends a firing alert again every minute (`--rules.alert.resend-delay`), after its group is evaluated, by default
/// every minute as well. So long after its start, an Alertmanager may not know an alert that fires.
const COMPLETE_AFTER: Duration = Duration::from_mins(2);
const LONGER_TIMEOUT: &str = "run this step again; a longer `timeout` leaves more time for an answer";

/// The conditions, and what an answer needs to count.
#[derive(Clone, Debug)]
pub struct MetricLimits {
    pub checks: Checks,
    /// The first reading.
    pub begin: Moment,
    /// The conditions must hold until then, and be read once more.
    pub until: Moment,
    pub max_age: Duration,
}

/// Why a condition is neither met nor broken.
struct Gap {
    actual: String,
    next: String,
    /// Another look would find the same.
    is_final: bool,
    read_at: Option<Timestamp>,
}

impl Gap {
    fn new(actual: impl Into<String>, next: impl Into<String>) -> Self {
        Self { actual: actual.into(), next: next.into(), is_final: false, read_at: None }
    }

    fn read_at(self, at: Timestamp) -> Self {
        Self { read_at: Some(at), ..self }
    }

    fn finding(self, check: &Check) -> Finding {
        let finding = Finding::inconclusive(&check.name).actual(self.actual).expected(&check.text).next(self.next);
        match self.read_at {
            Some(at) => finding.seen_at(&check.text, rfc3339(at)),
            None => finding,
        }
    }
}

/// Decided as soon as a condition is broken; else once the time is over and all were read since; and when another look would bring
/// nothing new.
#[must_use]
pub fn judge(limits: &MetricLimits, observations: &MetricObservations, now: Moment) -> Judgement {
    let view = View { limits, observations, now };
    let assessed: Vec<Result<Finding, (bool, Finding)>> = limits
        .checks
        .conditions
        .iter()
        .zip(&observations.held)
        .map(|(check, held)| view.assess_held(check, *held).map_err(|gap| (gap.is_final, gap.finding(check))))
        .collect();
    let is_hopeless = assessed.iter().any(|one| matches!(one, Err((true, _))));
    let findings: Vec<Finding> = assessed.into_iter().map(|one| one.unwrap_or_else(|(_, finding)| finding)).collect();
    match verdict(&findings) {
        Verdict::Blocked => Judgement::decided(findings),
        Verdict::Passed if now >= limits.until => Judgement::decided(findings),
        // It cannot pass any more, and every other condition had its chance to block.
        Verdict::Inconclusive if is_hopeless && view.all_answered() => Judgement::decided(findings),
        Verdict::Passed | Verdict::Inconclusive if now < limits.until => {
            let revisit = if now < limits.begin { limits.begin } else { limits.until };
            Judgement::pending_until(findings, revisit)
        }
        Verdict::Passed | Verdict::Inconclusive => Judgement::pending(findings),
    }
}

/// Notes which conditions hold by the answers of this moment.
pub fn add_held(limits: &MetricLimits, observations: &mut MetricObservations, now: Moment) {
    let view = View { limits, observations: &*observations, now };
    let holds: Vec<bool> = limits
        .checks
        .conditions
        .iter()
        .map(|check| view.assess(check).is_ok_and(|finding| finding.verdict == Verdict::Passed))
        .collect();
    for (held, _) in observations.held.iter_mut().zip(holds).filter(|(_, holds)| *holds) {
        held.add(now, limits.begin, limits.until);
    }
}

/// What is known at a moment.
struct View<'a> {
    limits: &'a MetricLimits,
    observations: &'a MetricObservations,
    now: Moment,
}

impl View<'_> {
    /// A condition that holds must have held for the duration: what was not seen for long is not known.
    fn assess_held(&self, check: &Check, held: HeldTimes) -> Result<Finding, Gap> {
        let finding = self.assess(check)?;
        if finding.verdict == Verdict::Blocked || held.longest_gap <= self.limits.max_age {
            return Ok(finding);
        }
        let [gap, most] = [held.longest_gap, self.limits.max_age].map(whole_seconds);
        let gap = Gap::new(
            format!("it holds now, but for {gap} of the duration no reading said so (at most {most})"),
            "see why the readings failed: the log has a line for each; then run this step again",
        );
        Err(Gap { is_final: true, ..gap })
    }

    fn all_answered(&self) -> bool {
        let MetricObservations { figures, alerts, .. } = self.observations;
        figures.iter().all(|one| one.last.is_some()) && alerts.iter().all(|one| one.last.is_some())
    }

    fn assess(&self, check: &Check) -> Result<Finding, Gap> {
        match &check.kind {
            CheckKind::Figure { figure, baseline, bounds, minimums } => {
                self.figure(check, figure, baseline.as_ref(), bounds, minimums)
            }
            CheckKind::NoAlert(question) => self.no_alert(check, *question),
            CheckKind::BurnRate(burn) => self.burn_rate(check, burn),
        }
    }

    fn figure(
        &self,
        check: &Check,
        figure: &AskedFigure,
        baseline: Option<&AskedFigure>,
        bounds: &[Bound],
        minimums: &[AskedMinimum],
    ) -> Result<Finding, Gap> {
        let (value, sample) = self.value(figure)?;
        self.enough(minimums)?;
        if bounds.iter().any(|bound| bound.is_passed_by_percent(figure.unit, value)) {
            let gap = Gap::new(
                format!("{} is {}, and a share is at most 1", figure.label, rounded(value.to_f64())),
                "if the query gives percent, write `(%)` behind the name of the figure",
            );
            return Err(gap.read_at(sample.read_at));
        }
        let compared = baseline.map(|baseline| self.baseline(baseline));
        let known = compared.as_ref().and_then(|compared| compared.as_ref().ok().copied());
        let is_broken = |bound: &&Bound| bound.limit(known).is_some_and(|limit| !bound.direction.holds(value, limit));
        let broken = bounds.iter().find(is_broken);
        if let (None, Some(Err(gap))) = (broken, compared) {
            return Err(gap);
        }
        let Some(bound) = broken.or(bounds.first()) else { return Err(Gap::new("no limit", "add one")) };
        let unit = match bound.amount {
            Amount::Limit { unit, .. } if unit != MetricUnit::NONE => unit,
            Amount::Limit { .. } | Amount::TimesBaseline(_) => figure.unit,
        };
        let limit = bound.limit(known).unwrap_or(value);
        let [shown, limit] = rounded_beside(unit.show_base(value), unit.show_base(limit)).map(|text| unit.label(&text));
        let least = if bound.is_upper() { "" } else { "at least " };
        let mut figures = Figures::now(&shown).limit(format!("{least}{limit}"));
        if let Some(baseline) = known {
            figures = figures.baseline(unit.label(&rounded(unit.show_base(baseline))));
        }
        let finding = match broken {
            Some(bound) => Finding::blocked(&check.name)
                .actual(format!("{} is {shown}, and not {} {limit}", figure.label, bound.direction.sign()))
                .next(format!(
                    "find out what makes {} so {}: the query is in the evidence; promote once the condition holds",
                    figure.label,
                    if bound.is_upper() { "high" } else { "low" }
                )),
            None => Finding::passed(&check.name).actual(format!(
                "{} is {shown}{}",
                figure.label,
                failed(&self.observations.figures[figure.question])
            )),
        };
        Ok(finding.expected(&check.text).figures(figures).seen_at(&figure.source, rfc3339(sample.read_at)))
    }

    fn burn_rate(&self, check: &Check, burn: &BurnRateCheck) -> Result<Finding, Gap> {
        let BurnRateCheck { budget, objective, limit, long, short, minimums } = burn;
        let (long_value, _) = self.value(long)?;
        let (short_value, sample) = self.value(short)?;
        self.enough(minimums)?;
        let most = limit.times(*budget);
        let burn = |value: Decimal| value.to_f64() / budget.to_f64();
        let [over_long, _] = rounded_beside(burn(long_value), limit.to_f64());
        let [over_short, _] = rounded_beside(burn(short_value), limit.to_f64());
        let rates = format!("{over_long} ({}) and {over_short} ({})", long.label, short.label);
        let figures = Figures::now(format!("{over_long} and {over_short}")).limit(limit.to_string());
        let finding = if long_value > most && short_value > most {
            Finding::blocked(&check.name)
                .actual(format!("the error budget of {objective} burns at {rates}, over {limit} in both windows"))
                .next("find out what fails, and promote once the rate over the shorter window is below the limit")
        } else {
            Finding::passed(&check.name).actual(format!("the error budget of {objective} burns at {rates}"))
        };
        Ok(finding.expected(&check.text).figures(figures).seen_at(&short.source, rfc3339(sample.read_at)))
    }

    fn no_alert(&self, check: &Check, question: usize) -> Result<Finding, Gap> {
        let answers = &self.observations.alerts[question];
        let AlertSnapshot { firing, silenced, watchdog, read_at } = self.last(&check.name, answers)?;
        let silenced = if *silenced == 0 { String::new() } else { format!(", {silenced} silenced") };
        let finding = match firing.as_slice() {
            [] => {
                self.alerts_arrive(*watchdog, *read_at).map_err(|gap| gap.read_at(*read_at))?;
                let unproven = if *watchdog == Watchdog::NotRequired { ", without a watchdog" } else { "" };
                Finding::passed(&check.name)
                    .actual(format!("no alert fires{silenced}{unproven}{}", failed(answers)))
                    .figures(Figures::now(format!("none{silenced}{unproven}")))
            }
            alerts => {
                let named: Vec<String> =
                    alerts.iter().take(MOST_ALERTS).map(|one| format!("{} since {}", one.name, one.since)).collect();
                let more = alerts.len().saturating_sub(MOST_ALERTS);
                let more = if more == 0 { String::new() } else { format!("; and {more} more") };
                let first = alerts.first().map(|one| one.name.clone()).unwrap_or_default();
                Finding::blocked(&check.name)
                    .actual(format!("{}{more}{silenced}", named.join("; ")))
                    .figures(Figures::now(format!("{} firing", alerts.len())).cause(first))
                    .next("see why it fires, and promote once it is resolved; a silence in Alertmanager leaves it out")
            }
        };
        Ok(finding.expected(&check.text).seen_at("Alertmanager", rfc3339(*read_at)))
    }

    /// An empty list counts if Prometheus sends its alerts, and has had the time to send all of them.
    fn alerts_arrive(&self, watchdog: Watchdog, read_at: Timestamp) -> Result<(), Gap> {
        let (updated, started) = match watchdog {
            Watchdog::NotRequired => return Ok(()),
            Watchdog::Absent => {
                return Err(Gap::new(
                    "no alert, and the one that always fires is not there either: Alertmanager has restarted, or no \
                     Prometheus reaches it",
                    "see whether Prometheus sends its alerts there, and has a rule that always fires (`expr: vector(1)`); \
                     name its alert in `watchdog`",
                ));
            }
            Watchdog::Firing { updated, started } => (updated, started),
        };
        if is_apart(read_at.duration_since(updated), self.limits.max_age) {
            return Err(Gap::new(
                format!("no alert, but the one that always fires was last sent at {}", rfc3339(updated)),
                "see whether Prometheus still sends its alerts there; `max-age` allows more time",
            ));
        }
        if read_at.duration_since(started) < SignedDuration::try_from(COMPLETE_AFTER).unwrap_or(SignedDuration::MAX) {
            return Err(Gap::new(
                format!(
                    "no alert, but Alertmanager started at {}: Prometheus sends it each alert again within {}",
                    rfc3339(started),
                    HumanDuration(COMPLETE_AFTER)
                ),
                LONGER_TIMEOUT,
            ));
        }
        Ok(())
    }

    /// The last answer, if it counts.
    fn last<'a, T>(&self, label: &str, answers: &'a Answers<T>) -> Result<&'a T, Gap> {
        match &answers.last {
            None => Err(Gap::new(format!("{label} was not read yet"), LONGER_TIMEOUT)),
            Some((_, Err(Unread { reason, next, is_final, read_at }))) => Err(Gap {
                // A server that has answered before may do so again.
                is_final: *is_final && answers.failed == answers.total,
                ..Gap::new(format!("{label}: {reason}"), next.clone()).read_at(*read_at)
            }),
            Some((at, Ok(_))) if self.now >= self.limits.until && *at < self.limits.until => {
                Err(Gap::new(format!("{label} was not read since the time was over"), LONGER_TIMEOUT))
            }
            Some((_, Ok(answer))) => Ok(answer),
        }
    }

    /// The value of a figure in the base unit.
    fn value(&self, figure: &AskedFigure) -> Result<(Decimal, Sample), Gap> {
        let label = &figure.label;
        let sample = *self.last(label, &self.observations.figures[figure.question])?;
        if let Some(at) = sample.at.filter(|_| !figure.may_be_old) {
            let age = sample.read_at.duration_since(at);
            if is_apart(age, self.limits.max_age) {
                let distance = whole_seconds(age.unsigned_abs());
                let when = if age.is_negative() { "in the future" } else { "old" };
                return Err(Gap::new(
                    format!("{label} is of {}, {distance} {when}", rfc3339(at)),
                    "see whether its source is still written to, and whether a cache answers; `max-age` allows an older value",
                )
                .read_at(sample.read_at));
            }
        }
        Ok((figure.unit.to_base(sample.value), sample))
    }

    /// A baseline in the base unit. To a baseline of 0 there is no ratio.
    fn baseline(&self, figure: &AskedFigure) -> Result<Decimal, Gap> {
        let (value, sample) = self.value(figure)?;
        if value.is_zero() {
            let next = "see what the baseline's query measures: there must have been traffic at that time";
            return Err(Gap::new(format!("{} is 0", figure.label), next).read_at(sample.read_at));
        }
        Ok(value)
    }

    fn enough(&self, minimums: &[AskedMinimum]) -> Result<(), Gap> {
        for AskedMinimum { figure, least } in minimums {
            let (value, sample) = self.value(figure)?;
            if value < *least {
                let [value, least] = rounded_beside(value.to_f64(), least.to_f64());
                return Err(Gap::new(
                    format!("{} is {value}, and the condition needs {least}", figure.label),
                    "send more traffic to the release, or give it more time: a longer `delay`, `window` or `timeout`",
                )
                .read_at(sample.read_at));
            }
        }
        Ok(())
    }
}

/// Too old, or of a clock that is ahead.
fn is_apart(age: SignedDuration, most: Duration) -> bool {
    age.unsigned_abs() > most
}

const fn whole_seconds(duration: Duration) -> HumanDuration {
    HumanDuration(Duration::from_secs(duration.as_secs()))
}

fn failed<T>(answers: &Answers<T>) -> String {
    match answers.failed {
        0 => String::new(),
        failed => format!(" ({failed} of {} readings failed, the last one did not)", answers.total),
    }
}

#[cfg(test)]
mod tests;
