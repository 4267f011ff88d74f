//! jq, in process: conditions and figures are jq expressions, evaluated by jaq.
//!
//! An expression sees its input, the variables it is given by name, and nothing else: not the environment (tokens live
//! there), no files, no further inputs. Whatever it does, it answers within ten seconds or is an error.

mod absent;
mod document;
mod interpreter;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr, sync::Arc};

use jaq_core::{
    Compiler, Filter,
    compile::Undefined,
    load::{self, Arena, File, Loader},
};
use serde_json::Value;

pub use document::{parse, shape};
use interpreter::{Limits, Metered};

use crate::error::ValueError;

/// A jq expression that compiled. Cloning is cheap.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    variables: &'static [&'static str],
    program: Arc<Filter<Metered>>,
}

/// Longer than any expression a person would keep in a config file; bounds what compiling can cost.
const LONGEST: usize = 16 << 10;

impl Expression {
    /// Compiles `text`, once. It has no variables but its own.
    pub fn compile(text: &str) -> Result<Self, ValueError> {
        Self::with_variables(text, &[])
    }

    /// Compiles `text`, which may also use `variables`, such as `$subject`: values that are bound, never spliced into the
    /// text, so that whatever they hold is no code.
    pub fn with_variables(text: &str, variables: &'static [&'static str]) -> Result<Self, ValueError> {
        if text.trim().is_empty() {
            // jq takes nothing for `.`; here it is a forgotten setting.
            return Err(ValueError::new("empty, expected a jq expression such as .latency.p99"));
        }
        if text.len() > LONGEST {
            return Err(ValueError::from(format!("{} bytes long, accepted are {LONGEST}", text.len())));
        }
        let source: Arc<str> = text.into();
        let code = Arc::clone(&source);
        // Aside because parsing recurses as deep as the text is nested.
        let limits = Limits { memory: u64::MAX, ..Limits::DEFAULT };
        let program = interpreter::aside(limits, move |_| Ok(compile(&code, variables)));
        match program {
            Ok(Ok(program)) => Ok(Self { text: source, variables, program: Arc::new(program) }),
            Ok(Err(why)) => Err(ValueError::from(format!("cannot compile {}: {why}", document::quoted(text, 200)))),
            Err(error) => Err(ValueError::from(format!("{} {error}", document::quoted(text, 200)))),
        }
    }

    /// The expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every output for `input`, in order; none is no error. Blocks for at most ten seconds and a bit.
    pub fn evaluate(&self, input: &Value) -> Result<Vec<Value>, EvaluationError> {
        let expected = "an expression that ends";
        let most = Limits::DEFAULT.outputs;
        let outputs = self
            .run(input, &[], most + 1, Limits::DEFAULT)
            .map_err(|error| self.problem(input, error.to_string(), expected))?;
        if outputs.len() > most {
            return Err(self.problem(input, format!("gave more than {most} values"), expected));
        }
        Ok(outputs)
    }

    /// The one number that comes out: a JSON number, or a string that holds a finite one, as Prometheus writes them.
    /// Anything else is an error: none, several, `null`, `"NaN"`, `"-"`.
    pub fn number(&self, input: &Value) -> Result<f64, EvaluationError> {
        let number = |value: &Value| match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        self.only(input, &[], "one number", |value| number(value).filter(|number: &f64| number.is_finite()))
    }

    /// Whether the condition holds: the one output must be `true` or `false`. Nothing is taken for true or false: a
    /// path that leads nowhere gives `null`, and that is an error.
    pub fn holds(&self, input: &Value) -> Result<bool, EvaluationError> {
        self.holds_with(input, &[])
    }

    /// [`Expression::holds`], with the values of the variables it was compiled with, in their order.
    pub fn holds_with(&self, input: &Value, values: &[Value]) -> Result<bool, EvaluationError> {
        self.only(input, values, "true or false", Value::as_bool)
    }

    /// What the path that it begins with finds in `input`, to explain what came of it: `` `.version` is the string
    /// "1.4.1" ``. `None` when it begins with something else.
    #[must_use]
    pub fn found(&self, input: &Value) -> Option<String> {
        document::found(&self.text, input)
    }

    /// Where a path in it leaves `input`: jq takes what is not there for `null`, and `null` for less than any number. `?`
    /// or `//` behind a path allows it.
    #[must_use]
    pub fn absent(&self, input: &Value) -> Option<String> {
        absent::absent(&self.text, input)
    }

    fn only<T>(
        &self,
        input: &Value,
        values: &[Value],
        expected: &str,
        take: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, EvaluationError> {
        // The third is not needed to know that there are several.
        let outputs = self
            .run(input, values, 2, Limits::DEFAULT)
            .map_err(|error| self.problem(input, error.to_string(), expected))?;
        let seen = match outputs.as_slice() {
            [] => "gave nothing".to_owned(),
            [value] => match take(value) {
                Some(taken) => return Ok(taken),
                None => format!("gave {}", document::clipped(value, 80)),
            },
            [first, second, ..] => {
                let [first, second] = [first, second].map(|value| document::clipped(value, 40));
                format!("gave several values: {first}, {second}, …")
            }
        };
        Err(self.problem(input, seen, expected))
    }

    fn run(&self, input: &Value, values: &[Value], wanted: usize, limits: Limits) -> Result<Vec<Value>, ValueError> {
        if values.len() != self.variables.len() {
            return Err(ValueError::from(format!("has no value for {}", self.variables.join(", "))));
        }
        let values = values.iter().map(interpreter::from_json).collect();
        interpreter::evaluate(Arc::clone(&self.program), interpreter::from_json(input), values, wanted, limits)
    }

    fn problem(&self, input: &Value, seen: String, expected: &str) -> EvaluationError {
        let shape = shape(input);
        let input =
            document::dead_end(&self.text, input).map_or(shape.clone(), |dead_end| format!("{shape}; {dead_end}"));
        EvaluationError {
            expression: document::clipped(&self.text.trim(), 200),
            seen,
            expected: expected.to_owned(),
            input,
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.variables == other.variables
    }
}

impl Eq for Expression {}

impl FromStr for Expression {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::compile(text)
    }
}

/// Why an expression gave no usable value for an input. Texts are raw: the input is from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    /// The expression, on one line.
    pub expression: String,
    /// What came of it: `gave null`, `failed: cannot index …`.
    pub seen: String,
    /// What would have been accepted.
    pub expected: String,
    /// What the input looks like, and where a path left it.
    pub input: String,
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expression, seen, expected, input } = self;
        write!(f, "`{expression}` {seen}, expected {expected}; input: {input}")
    }
}

impl std::error::Error for EvaluationError {}

fn compile(code: &str, variables: &[&str]) -> Result<Filter<Metered>, String> {
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let arena = Arena::default();
    let modules = Loader::new(definitions).load(&arena, File { code, path: () }).map_err(|errors| {
        let mut errors = errors.into_iter().map(|(_, error)| match error {
            load::Error::Io(imports) => imports.first().map(|(path, _)| (*path, no_modules())),
            load::Error::Lex(faults) => faults.first().map(|(expected, at)| (*at, unexpected(expected.as_str(), at))),
            load::Error::Parse(faults) => faults.first().map(|(expected, at)| (*at, unexpected(expected.as_str(), at))),
        });
        located(code, errors.next().flatten())
    })?;
    load::import(&modules, |_| Err(String::new())).map_err(|_| no_modules())?;
    let compiler = Compiler::default().with_funs(interpreter::builtins()).with_global_vars(variables.iter().copied());
    compiler.compile(modules).map_err(|errors| {
        let mut faults = errors.into_iter().flat_map(|(_, faults)| faults);
        located(code, faults.next().map(|(name, kind)| (name, undefined(name, &kind, variables))))
    })
}

fn no_modules() -> String {
    "modules cannot be imported: an expression sees nothing but its input".to_owned()
}

fn unexpected(expected: &str, at: &str) -> String {
    let found = match at.split_whitespace().next() {
        None => "the end".to_owned(),
        Some(word) => document::quoted(word, 20),
    };
    format!("expected {expected}, found {found}")
}

fn undefined(name: &str, kind: &Undefined, variables: &[&str]) -> String {
    let outside = ["env", "$ENV", "input", "inputs", "input_filename", "input_line_number", "$__loc__"];
    let why = if outside.contains(&name) { ": an expression sees nothing but its input" } else { "" };
    match kind {
        Undefined::Filter(arity) => format!("there is no filter {name}/{arity}{why}"),
        Undefined::Var if why.is_empty() && !variables.is_empty() => {
            format!("there is no variable {name}, only {}", variables.join(", "))
        }
        kind => format!("there is no {} {name}{why}", kind.as_str()),
    }
}

/// `what`, with its place in `code`, which `at` is a part of.
fn located(code: &str, fault: Option<(&str, String)>) -> String {
    let Some((at, what)) = fault else { return "it is not valid jq".to_owned() };
    let before = code.get(..load::span(code, at).start).unwrap_or(code);
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    match before.matches('\n').count() {
        0 => format!("column {column}: {what}"),
        lines => format!("line {}, column {column}: {what}", lines + 1),
    }
}
