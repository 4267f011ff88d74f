//! jq expressions for conditions and figures, evaluated in this process by jaq.
//!
//! An expression sees only its input and its variables: not the environment, which holds tokens, no files, no further
//! inputs. An expression that takes more than ten seconds is an error.

mod absent_names;
mod document;
mod interpreter;
mod missing_path;
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
use interpreter::{EvaluationLimits, Metered};

use crate::error::ValueError;

/// A jq expression that compiled. Cloning is cheap.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    variables: &'static [&'static str],
    program: Arc<Filter<Metered>>,
}

/// How many parts of an expression are looked at for a `null`.
const MOST_PARTS: usize = 4;
/// The longest expression in bytes, which bounds the time and memory of compiling.
const LONGEST: usize = 16 << 10;

impl Expression {
    /// Compiles `text`, without variables.
    pub fn compile(text: &str) -> Result<Self, ValueError> {
        Self::with_variables(text, &[])
    }

    /// Compiles `text`, which may use `variables`, such as `$subject`. Their values are bound, never inserted into the text,
    /// so they cannot contain code.
    pub fn with_variables(text: &str, variables: &'static [&'static str]) -> Result<Self, ValueError> {
        if text.trim().is_empty() {
            // jq reads an empty text as `.`; here it is a forgotten setting.
            return Err(ValueError::new("empty, expected a jq expression such as .latency.p99"));
        }
        if text.len() > LONGEST {
            return Err(ValueError::from(format!("{} bytes long, accepted are {LONGEST}", text.len())));
        }
        let source: Arc<str> = text.into();
        let code = Arc::clone(&source);
        // On the thread with the large stack, since parsing recurses as deep as the text is nested.
        let limits = EvaluationLimits { memory: u64::MAX, ..EvaluationLimits::DEFAULT };
        let program = interpreter::run_watched(limits, move |_| Ok(compile(&code, variables)));
        match program {
            Ok(Ok(program)) => Ok(Self { text: source, variables, program: Arc::new(program) }),
            Ok(Err(reason)) => {
                Err(ValueError::from(format!("cannot compile {}: {reason}", document::quoted(text, 200))))
            }
            Err(error) => Err(ValueError::from(format!("{} {error}", document::quoted(text, 200)))),
        }
    }

    /// The expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every output for `input`, in order; there may be none. Blocks for at most ten seconds.
    pub fn evaluate(&self, input: &Value) -> Result<Vec<Value>, EvaluationError> {
        let expected = "an expression that ends";
        let most = EvaluationLimits::DEFAULT.outputs;
        let outputs = self
            .run(input, &[], most + 1, EvaluationLimits::DEFAULT)
            .map_err(|error| self.error(input, error.to_string(), expected))?;
        if outputs.len() > most {
            return Err(self.error(input, format!("gave more than {most} values"), expected));
        }
        Ok(outputs)
    }

    /// The output as one number: a JSON number, or a string with a finite number, as Prometheus writes them. Anything else is
    /// an error: no output, several, `null`, `"NaN"`, `"-"`.
    pub fn number(&self, input: &Value) -> Result<f64, EvaluationError> {
        let number = |value: &Value| match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        self.single_output(input, &[], "one number", |value| number(value).filter(|number: &f64| number.is_finite()))
    }

    /// Whether the condition holds. The only output must be `true` or `false`; `null`, which a missing path gives, is an error.
    pub fn holds(&self, input: &Value) -> Result<bool, EvaluationError> {
        self.holds_with(input, &[])
    }

    /// [`Expression::holds`] with the values of its variables, in the order of [`Expression::with_variables`].
    pub fn holds_with(&self, input: &Value, values: &[Value]) -> Result<bool, EvaluationError> {
        self.single_output(input, values, "true or false", Value::as_bool)
    }

    /// Explains a result by the value of the path that the expression begins with: `` `.version` is the string "1.4.1" ``.
    /// `None` if it begins with something else.
    #[must_use]
    pub fn explain(&self, input: &Value) -> Option<String> {
        document::describe_path(&self.text, input)
    }

    /// Describes the first path in the expression that `input` does not have. In jq such a path gives `null`, which is less
    /// than any number. A `?` or `//` behind a path allows that it is missing.
    #[must_use]
    pub fn missing_path(&self, input: &Value) -> Option<String> {
        missing_path::missing_path(&self.text, input)
    }

    /// Describes a part of the input that the expression asks for and that is not there, where jq gives a figure all the same:
    /// a path, an element that is `null`, which `max` and `add` skip, or a name that `select` does not find.
    #[must_use]
    pub fn absent_part(&self, input: &Value) -> Option<String> {
        let null_in = |part: &str| {
            let outputs = Self::compile(part).ok()?.evaluate(input).ok()?;
            let has_null = |output: &Value| output.as_array().is_some_and(|list| list.iter().any(Value::is_null));
            outputs.iter().any(has_null).then(|| format!("`{}` has a null", document::clipped(&part, 120)))
        };
        self.missing_path(input)
            .or_else(|| {
                let name = absent_names::absent_text(&self.text, input)?;
                Some(format!("nothing in it is {}", document::quoted(&name, 60)))
            })
            .or_else(|| absent_names::before_pipes(&self.text).into_iter().take(MOST_PARTS).find_map(null_in))
    }

    /// The only output, as `take` reads it.
    fn single_output<T>(
        &self,
        input: &Value,
        values: &[Value],
        expected: &str,
        take: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, EvaluationError> {
        // Two outputs are enough to see that there are several.
        let outputs = self
            .run(input, values, 2, EvaluationLimits::DEFAULT)
            .map_err(|error| self.error(input, error.to_string(), expected))?;
        let actual = match outputs.as_slice() {
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
        Err(self.error(input, actual, expected))
    }

    fn run(
        &self,
        input: &Value,
        values: &[Value],
        wanted: usize,
        limits: EvaluationLimits,
    ) -> Result<Vec<Value>, ValueError> {
        if values.len() != self.variables.len() {
            return Err(ValueError::from(format!("has no value for {}", self.variables.join(", "))));
        }
        let values = values.iter().map(interpreter::from_json).collect();
        interpreter::evaluate(Arc::clone(&self.program), interpreter::from_json(input), values, wanted, limits)
    }

    fn error(&self, input: &Value, actual: String, expected: &str) -> EvaluationError {
        let shape = shape(input);
        let input =
            document::dead_end(&self.text, input).map_or(shape.clone(), |dead_end| format!("{shape}; {dead_end}"));
        EvaluationError {
            expression: document::clipped(&self.text.trim(), 200),
            actual,
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

/// Why an expression gave no usable value for an input. Texts are untrusted, since they quote the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    /// The expression, on one line.
    pub expression: String,
    /// The result: `gave null`, `failed: cannot index …`.
    pub actual: String,
    /// What is accepted.
    pub expected: String,
    /// The shape of the input, and the path that it does not have.
    pub input: String,
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expression, actual, expected, input } = self;
        write!(f, "`{expression}` {actual}, expected {expected}; input: {input}")
    }
}

impl std::error::Error for EvaluationError {}

fn compile(code: &str, variables: &[&str]) -> Result<Filter<Metered>, String> {
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let arena = Arena::default();
    let modules = Loader::new(definitions).load(&arena, File { code, path: () }).map_err(|errors| {
        let mut errors = errors.into_iter().map(|(_, error)| match error {
            load::Error::Io(imports) => imports.first().map(|(path, _)| (*path, no_modules())),
            load::Error::Lex(errors) => errors.first().map(|(expected, at)| (*at, unexpected(expected.as_str(), at))),
            load::Error::Parse(errors) => errors.first().map(|(expected, at)| (*at, unexpected(expected.as_str(), at))),
        });
        with_position(code, errors.next().flatten())
    })?;
    load::import(&modules, |_| Err(String::new())).map_err(|_| no_modules())?;
    let compiler = Compiler::default().with_funs(interpreter::builtins()).with_global_vars(variables.iter().copied());
    compiler.compile(modules).map_err(|errors| {
        let mut faults = errors.into_iter().flat_map(|(_, faults)| faults);
        with_position(code, faults.next().map(|(name, kind)| (name, undefined(name, &kind, variables))))
    })
}

fn no_modules() -> String {
    "modules cannot be imported: an expression sees only its input".to_owned()
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
    let reason = if outside.contains(&name) { ": an expression sees only its input" } else { "" };
    match kind {
        Undefined::Filter(arity) => format!("unknown filter {name}/{arity}{reason}"),
        Undefined::Var if reason.is_empty() && !variables.is_empty() => {
            format!("unknown variable {name}; known: {}", variables.join(", "))
        }
        kind => format!("unknown {} {name}{reason}", kind.as_str()),
    }
}

/// A message with its position in `code`. The error holds the part of `code` that it is about.
fn with_position(code: &str, error: Option<(&str, String)>) -> String {
    let Some((part, message)) = error else { return "it is not valid jq".to_owned() };
    let before = code.get(..load::span(code, part).start).unwrap_or(code);
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    match before.matches('\n').count() {
        0 => format!("column {column}: {message}"),
        lines => format!("line {}, column {column}: {message}", lines + 1),
    }
}
