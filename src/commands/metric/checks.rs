//! The conditions with the questions that they need: each figure and window is asked for once, however many conditions use it.

use super::{
    condition::{AlertMatchers, Amount, Bound, Direction, MetricCondition, Minimum, Rule},
    figure::{FigureDefinition, FigureQuery, Variables},
    unit::{MetricUnit, Quantity},
};
use crate::{
    finding::Finding,
    subject::Subject,
    values::{HumanDuration, closest, decimal::Decimal},
};

/// What is asked of Prometheus or of a JSON endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureQuestion {
    /// The index of its definition.
    pub definition: usize,
    /// What `$window` stands for.
    pub window: HumanDuration,
    /// The query or the address, without variables.
    pub text: String,
}

/// A condition whose figures are indices of questions.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its name in the report.
    pub name: String,
    /// The condition as it was written.
    pub text: String,
    pub kind: CheckKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CheckKind {
    Figure {
        figure: AskedFigure,
        baseline: Option<AskedFigure>,
        bounds: Vec<Bound>,
        minimums: Vec<AskedMinimum>,
    },
    /// The index of its question.
    NoAlert(usize),
    BurnRate(BurnRateCheck),
}

#[derive(Clone, Debug, PartialEq)]
pub struct BurnRateCheck {
    pub budget: Decimal,
    pub objective: String,
    pub limit: Decimal,
    pub long: AskedFigure,
    pub short: AskedFigure,
    pub minimums: Vec<AskedMinimum>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AskedFigure {
    pub question: usize,
    /// Its name in messages: `error-rate over 1h`.
    pub label: String,
    pub unit: MetricUnit,
    /// A baseline in JSON is of an earlier time, however old. Prometheus evaluates that of an earlier time now.
    pub may_be_old: bool,
    /// What was asked, for the evidence: a query or an address.
    pub source: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AskedMinimum {
    pub figure: AskedFigure,
    pub least: Decimal,
}

/// The conditions and their questions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    pub conditions: Vec<Check>,
    pub figures: Vec<FigureQuestion>,
    pub alerts: Vec<AlertMatchers>,
}

/// Finds the figures of every condition.
///
/// # Errors
/// Bad input: a figure that is not defined, or defined twice, or used by no condition; units that do not fit; a baseline that is
/// missing; a burn rate of a figure without `$window`.
pub fn resolve(
    conditions: &[MetricCondition],
    definitions: &[FigureDefinition],
    subject: &Subject,
    window: HumanDuration,
) -> Result<Checks, Finding> {
    let mut resolver = Resolver { definitions, subject, checks: Checks::default() };
    resolver.check_definitions()?;
    for condition in conditions {
        let kind = resolver.kind(condition, window)?;
        let name = match &condition.rule {
            Rule::Figure { figure, .. } => figure.clone(),
            Rule::NoAlert(matchers) if matchers.0.is_empty() => "alerts".to_owned(),
            Rule::NoAlert(matchers) => format!("alerts {matchers}"),
            Rule::BurnRate(burn) => format!("burn rate of {} over {} and {}", burn.figure, burn.long, burn.short),
        };
        resolver.checks.conditions.push(Check { name, text: condition.text.clone(), kind });
    }
    let used = |index: usize| resolver.checks.figures.iter().any(|question| question.definition == index);
    if let Some((_, unused)) = definitions.iter().enumerate().find(|(index, _)| !used(*index)) {
        return Err(Finding::inconclusive("`figures`")
            .actual(format!("no condition uses {:?}", unused.label()))
            .expected("figures that `conditions` use: what is not compared is not judged")
            .next(format!("add a condition such as `{} <= 1 %`, or remove the figure", unused.name)));
    }
    Ok(resolver.checks)
}

struct Resolver<'a> {
    definitions: &'a [FigureDefinition],
    subject: &'a Subject,
    checks: Checks,
}

impl Resolver<'_> {
    fn check_definitions(&self) -> Result<(), Finding> {
        for (index, definition) in self.definitions.iter().enumerate() {
            let is_same = |other: &FigureDefinition| other.label() == definition.label();
            if self.definitions[..index].iter().any(is_same) {
                return Err(Finding::inconclusive("`figures`")
                    .actual(format!("{:?} is there twice", definition.label()))
                    .expected("each figure once"));
            }
        }
        Ok(())
    }

    fn kind(&mut self, condition: &MetricCondition, window: HumanDuration) -> Result<CheckKind, Finding> {
        let text = &condition.text;
        match &condition.rule {
            Rule::Figure { figure, bounds, minimums } => {
                let needs_baseline = bounds.iter().any(|bound| matches!(bound.amount, Amount::TimesBaseline(_)));
                let baseline = needs_baseline.then(|| self.ask(figure, true, window, text)).transpose()?;
                let name = figure;
                let figure = self.ask(name, false, window, text)?;
                for bound in bounds {
                    check_unit(text, name, figure.unit, *bound)?;
                }
                let minimums = self.minimums(minimums, needs_baseline, window, text)?;
                Ok(CheckKind::Figure { figure, baseline, bounds: bounds.clone(), minimums })
            }
            Rule::NoAlert(matchers) => {
                self.checks.alerts.push(fill_matchers(matchers, self.subject, window, "conditions")?);
                Ok(CheckKind::NoAlert(self.checks.alerts.len() - 1))
            }
            Rule::BurnRate(burn) => {
                let [long, short] = [burn.long, burn.short].map(|window| self.ask(&burn.figure, false, window, text));
                let (long, short) = (long?, short?);
                let has_window = self.definitions[self.checks.figures[long.question].definition].has_window();
                if !has_window || long.unit.quantity != Quantity::Number {
                    return Err(Finding::inconclusive("`conditions`")
                        .actual(format!("`{text}`, and {:?} is no share of errors over `$window`", burn.figure))
                        .expected("a figure that is a share, with `$window` in its query")
                        .next(format!(
                            "define it as `{} = sum(rate(errors_total[$window])) / sum(rate(requests_total[$window]))`",
                            burn.figure
                        )));
                }
                // The shorter window has the fewer samples.
                let minimums = self.minimums(&burn.minimums, false, burn.short, text)?;
                let (objective, limit, budget) = (burn.objective.clone(), burn.limit, burn.budget);
                Ok(CheckKind::BurnRate(BurnRateCheck { budget, objective, limit, long, short, minimums }))
            }
        }
    }

    /// What counts samples counts those of the baseline as well, if there is such a figure.
    fn minimums(
        &mut self,
        minimums: &[Minimum],
        with_baseline: bool,
        window: HumanDuration,
        text: &str,
    ) -> Result<Vec<AskedMinimum>, Finding> {
        let mut asked = Vec::new();
        for Minimum { figure, least } in minimums {
            let counted = self.ask(figure, false, window, text)?;
            if counted.unit != MetricUnit::NONE {
                return Err(Finding::inconclusive("`conditions`")
                    .actual(format!("`{text}`, and {figure:?} has the unit `{}`", counted.unit.notation))
                    .expected("a number of samples behind `with`, such as `requests >= 100`")
                    .next("give the limit of this figure in a separate condition"));
            }
            asked.push(AskedMinimum { figure: counted, least: *least });
            let has_baseline = self.definitions.iter().any(|one| one.is_baseline && one.name == *figure);
            if with_baseline && has_baseline {
                asked.push(AskedMinimum { figure: self.ask(figure, true, window, text)?, least: *least });
            }
        }
        Ok(asked)
    }

    /// The question for a figure over a window.
    fn ask(
        &mut self,
        name: &str,
        is_baseline: bool,
        window: HumanDuration,
        text: &str,
    ) -> Result<AskedFigure, Finding> {
        let wanted = |one: &FigureDefinition| one.is_baseline == is_baseline && one.name == name;
        let Some(index) = self.definitions.iter().position(wanted) else {
            return Err(self.undefined(name, is_baseline, text));
        };
        let definition = &self.definitions[index];
        let filled = Variables::new(self.subject, window).fill(definition.query.text()).map_err(|error| {
            let finding = Finding::inconclusive("`figures`");
            finding.actual(format!("{:?} has {error}", definition.label())).expected("variables that have a value")
        })?;
        // Without `$window` the same query would be sent for each window.
        let is_same =
            |other: &FigureQuestion| other.definition == index && (other.window == window || !definition.has_window());
        let known = self.checks.figures.iter().position(is_same);
        let question = known.unwrap_or_else(|| {
            self.checks.figures.push(FigureQuestion { definition: index, window, text: filled.clone() });
            self.checks.figures.len() - 1
        });
        let over = if definition.has_window() { format!(" over {window}") } else { String::new() };
        let unit = self.definitions.iter().find(|one| !one.is_baseline && one.name == name);
        Ok(AskedFigure {
            question,
            label: format!("{}{over}", definition.label()),
            unit: unit.map_or(MetricUnit::NONE, |one| one.unit),
            may_be_old: is_baseline && matches!(definition.query, FigureQuery::Json { .. }),
            source: filled,
        })
    }

    fn undefined(&self, name: &str, is_baseline: bool, text: &str) -> Finding {
        let finding = Finding::inconclusive("`conditions`");
        if is_baseline {
            return finding
                .actual(format!("`{text}`, and `figures` has no baseline of {name:?}"))
                .expected("a baseline for each condition that compares with one")
                .next(format!("define it as `{name} baseline = QUERY`, such as the same query with `offset 1w`"));
        }
        let known: Vec<&str> = self.definitions.iter().filter(|one| !one.is_baseline).map(|one| &*one.name).collect();
        finding
            .actual(format!("`{text}`, and `figures` has no {name:?}"))
            .expected("the name of a figure in `figures`")
            .next(format!("define it as `{name} = QUERY`"))
            .did_you_mean(closest(name, &known))
    }
}

/// The matchers with the values of their variables.
///
/// # Errors
/// Bad input: a variable without a value.
pub fn fill_matchers(
    matchers: &AlertMatchers,
    subject: &Subject,
    window: HumanDuration,
    setting: &str,
) -> Result<AlertMatchers, Finding> {
    let variables = Variables::new(subject, window);
    let filled = matchers.0.iter().map(|matcher| variables.fill(matcher)).collect::<Result<_, _>>();
    filled.map(AlertMatchers).map_err(|error| {
        let finding = Finding::inconclusive(format!("`{setting}`"));
        finding.actual(format!("`{matchers}` has {error}")).expected("variables that have a value")
    })
}

/// A figure and a limit without a common unit cannot be compared: 2,500 is more than 2 s, or less.
fn check_unit(text: &str, name: &str, figure: MetricUnit, bound: Bound) -> Result<(), Finding> {
    let Amount::Limit { unit, .. } = bound.amount else { return Ok(()) };
    let limit_is_plain = unit == MetricUnit::NONE;
    // `error-rate <= 1 %` of a figure without a unit: it is a share.
    if figure.quantity == unit.quantity && (figure == MetricUnit::NONE || !limit_is_plain) {
        return Ok(());
    }
    let finding = Finding::inconclusive("`conditions`");
    Err(if limit_is_plain {
        finding
            .actual(format!("`{text}`: the limit has no unit, and the figure is in `{}`", figure.notation))
            .expected("a limit with a unit")
            .next(format!("write the unit behind the number, such as `{}`", figure.label("1")))
    } else {
        finding
            .actual(format!("`{text}`: the limit is in `{}`, and the figure is not", unit.notation))
            .expected("a figure whose unit counts the same")
            .next(format!(
                "write the unit that the query gives behind the name in `figures`: `{name} ({}) = …`",
                unit.notation
            ))
    })
}

impl Bound {
    /// The limit in the base unit, if it does not depend on the baseline, or the baseline is known.
    #[must_use]
    pub fn limit(&self, baseline: Option<Decimal>) -> Option<Decimal> {
        match self.amount {
            Amount::Limit { number, unit } => Some(unit.to_base(number)),
            Amount::TimesBaseline(times) => baseline.map(|baseline| times.times(baseline)),
        }
    }

    /// Whether a figure that says nothing of its unit would hold because it is in percent: 98 is more than the share 99 %.
    #[must_use]
    pub fn is_passed_by_percent(&self, figure: MetricUnit, value: Decimal) -> bool {
        let Amount::Limit { number, unit } = self.amount else { return false };
        let one = Decimal::whole(1);
        let is_share = figure == MetricUnit::NONE && unit.notation == "%" && unit.to_base(number) <= one;
        is_share && !self.is_upper() && value > one
    }

    /// Whether a larger figure is the worse one.
    #[must_use]
    pub const fn is_upper(&self) -> bool {
        matches!(self.direction, Direction::AtMost | Direction::LessThan)
    }
}
