//! Runs jaq with limits: each evaluation on another thread, with bounded time, memory, stack and output.
//!
//! jaq has no limit on steps, but it asks for its program (`HasLut::lut`) before every term it evaluates. The [`Meter`]
//! answers that call, so an evaluation that must stop, or is about to run out of stack, stops there: its thread is left behind
//! and waits for the end of the process, because jaq has no way out of a step and the released program does not unwind. A single
//! step of a built-in, such as comparing values that share their parts, runs until it ends. The caller gets an error in any
//! case.

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use jaq_core::{
    Ctx, Cv, DataT, Error as JaqError, Exn, Filter, Lut, Native, ValXs, Vars,
    box_iter::box_once,
    data::HasLut,
    native::{self, Fun},
};
use jaq_json::{Num, Val};
use serde_json::{Map, Number, Value};

use super::document;
use crate::error::ValueError;

/// The resources that one evaluation may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct EvaluationLimits {
    /// Wall time.
    pub(super) time: Duration,
    /// Growth of the resident set of the process in KiB, including other threads. Checked on Linux only.
    pub(super) memory: u64,
    /// The resident set of the process in KiB before it. Evaluations that were left behind keep their memory.
    pub(super) resident: u64,
    /// Number of outputs.
    pub(super) outputs: usize,
}

impl EvaluationLimits {
    pub(super) const DEFAULT: Self =
        Self { time: Duration::from_secs(10), memory: 384 << 10, resident: 2 << 20, outputs: 100_000 };
}

/// How often a running evaluation is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// The stack of an evaluation. It is address space: only touched pages take memory. Dropping a value recurses as deep as the
/// value is nested, at under 200 bytes a level (debug build). A level takes 96 bytes of heap, so the limit on memory is
/// reached first.
const STACK: usize = 1 << 30;
/// The part of the stack for recursion in the expression; the rest is for the calls of a single step.
const DEPTH: usize = 64 << 20;
/// The deepest nesting of an output, which is what `serde_json` reads.
const NESTING: usize = 128;
/// The most values in the outputs of one evaluation. Shared parts count each time: a small value can unfold without end.
const MOST_VALUES: usize = 10_000_000;

/// The data of our programs: jaq's values, and the meter.
pub(super) struct Metered;

impl DataT for Metered {
    type V<'a> = Val;
    type Data<'a> = Meter<'a>;
}

/// Stops an evaluation: jaq calls it before each step.
#[derive(Clone, Copy)]
pub(super) struct Meter<'a> {
    lut: &'a Lut<Metered>,
    watch: &'a Watch,
    /// The lowest address that the stack may reach. Stacks grow downwards on every supported system.
    floor: usize,
}

/// What an evaluation and its caller tell each other.
pub(super) struct Watch {
    /// Set when the evaluation has to stop.
    must_stop: Arc<AtomicBool>,
    /// Says why the evaluation stopped.
    tell: Box<dyn Fn(ValueError) + Send + Sync>,
}

impl Watch {
    /// Leaves this thread behind.
    fn stop(&self, reason: &'static str) -> ! {
        (self.tell)(ValueError::new(reason));
        loop {
            thread::park();
        }
    }
}

impl Meter<'_> {
    fn step(&self) {
        let here = 0_u8;
        if self.watch.must_stop.load(Ordering::Relaxed) {
            self.watch.stop("was stopped");
        }
        if (&raw const here).addr() < self.floor {
            self.watch.stop("calls itself without end");
        }
    }
}

impl<'a> HasLut<'a, Metered> for Meter<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        self.step();
        self.lut
    }
}

/// The built-ins of jq without those that reach outside (`env`, `debug`, `stderr`), and with `range` and `fromjson` bounded.
/// `input` and `$ENV` do not exist either: the host would have to provide them.
pub(super) fn builtins() -> impl Iterator<Item = Fun<Metered>> {
    let own_functions: [Fun<Metered>; 4] = [
        ("range", native::v(3), Native::new(|cv| range(cv))),
        ("fromjson", native::v(0), Native::new(|cv| fromjson(&cv.1))),
        ("debug_empty", native::v(0), Native::new(|_| Box::new(iter::empty()))),
        ("stderr_empty", native::v(0), Native::new(|_| Box::new(iter::empty()))),
    ];
    let replaced: Vec<_> = own_functions.iter().map(|(name, ..)| *name).chain(["env"]).collect();
    let library_functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    library_functions.filter(move |(name, ..)| !replaced.contains(name)).chain(own_functions)
}

/// `range($from; $to; $by)`. jaq's built-in takes no step between its numbers, so `[range(infinite)]` could not be stopped.
fn range(mut cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let (by, to, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
    let meter = *cv.0.data();
    let direction = by.cmp(&Val::from(0_usize));
    let mut next = Some(Ok(from));
    Box::new(iter::from_fn(move || {
        meter.step();
        let now: Val = match next.take()? {
            Ok(now) => now,
            Err(fault) => return Some(Err(Exn::from(fault))),
        };
        let inside = match direction {
            std::cmp::Ordering::Greater => now < to,
            std::cmp::Ordering::Less => now > to,
            std::cmp::Ordering::Equal => now != to,
        };
        inside.then(|| {
            next = Some(now.clone() + by.clone());
            Ok(now)
        })
    }))
}

/// `fromjson`, by the parser that refuses deep nesting, since the string is untrusted.
fn fromjson<'a>(input: &Val) -> ValXs<'a, Val> {
    let Val::TStr(text) = input else {
        return box_once(Err(Exn::from(JaqError::typ(input.clone(), "string"))));
    };
    match document::documents(text) {
        Ok(values) => Box::new(values.into_iter().map(|value| Ok(from_json(&value)))),
        Err(error) => box_once(Err(Exn::from(JaqError::str(format_args!("cannot parse as JSON: {error}"))))),
    }
}

/// Runs `program` on `input`, with its variables bound to `values`, and returns at most `wanted` outputs. Blocks for at most
/// `limits.time`.
pub(super) fn evaluate(
    program: Arc<Filter<Metered>>,
    input: Val,
    values: Vec<Val>,
    wanted: usize,
    limits: EvaluationLimits,
) -> Result<Vec<Value>, ValueError> {
    run_watched(limits, move |watch| {
        let here = 0_u8;
        let floor = (&raw const here).addr().saturating_sub(DEPTH);
        let meter = Meter { lut: &program.lut, watch, floor };
        let mut unfolded = 0;
        let outputs = program.id.run::<Metered>((Ctx::new(meter, Vars::new(values)), input));
        outputs
            .take(wanted)
            .map(|output| into_json(&output.map_err(evaluation_error)?, meter, 0, &mut unfolded))
            .collect()
    })
}

/// Runs `work` on a thread with a large stack, within `limits`. `work` must look at its [`Watch`] in every step.
pub(super) fn run_watched<T: Send + 'static>(
    limits: EvaluationLimits,
    work: impl FnOnce(&Watch) -> Result<T, ValueError> + Send + 'static,
) -> Result<T, ValueError> {
    let before = resident_set();
    if before > limits.resident {
        return Err(ValueError::from(format!("was not evaluated: this process takes {} MiB already", before >> 10)));
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let stopped = sender.clone();
    // The receiver is gone when the caller has stopped waiting.
    let tell = Box::new(move |reason| drop(stopped.try_send(Err(reason))));
    let must_stop = Arc::new(AtomicBool::new(false));
    let watch = Watch { must_stop: Arc::clone(&must_stop), tell };
    let body = move || drop(sender.send(work(&watch)));
    if let Err(error) = thread::Builder::new().name("jq".to_owned()).stack_size(STACK).spawn(body) {
        return Err(ValueError::from(format!("could not be evaluated: no thread for it ({error})")));
    }
    let mut left = limits.time;
    let error = loop {
        match receiver.recv_timeout(left.min(CHECK_INTERVAL)) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => break ValueError::new("could not be evaluated"),
            Err(RecvTimeoutError::Timeout) if resident_set().saturating_sub(before) > limits.memory => {
                break ValueError::from(format!("took more than {} MiB of memory", limits.memory >> 10));
            }
            Err(RecvTimeoutError::Timeout) => left = left.saturating_sub(CHECK_INTERVAL),
        }
        if left.is_zero() {
            break ValueError::from(format!("did not end within {:?}", limits.time));
        }
    };
    must_stop.store(true, Ordering::Relaxed);
    Err(error)
}

/// The resident set of this process in KiB; 0 without procfs.
fn resident_set() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The error of jaq as ours.
fn evaluation_error(exception: Exn<'_, Val>) -> ValueError {
    match exception.get_err() {
        Ok(fault) => ValueError::from(format!("failed: {}", document::clipped(&fault, 160))),
        Err(exception) => match exception.get_halt() {
            Ok(_) => ValueError::new("called halt"),
            Err(_) => ValueError::new("broke out of a label it is not in"),
        },
    }
}

pub(super) fn from_json(value: &Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(value) => Val::Bool(*value),
        Value::Number(number) => Val::Num(match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => Num::from_integral(signed),
            (None, Some(unsigned)) => Num::from_integral(unsigned),
            (None, None) => Num::Float(number.as_f64().unwrap_or(f64::NAN)),
        }),
        Value::String(text) => Val::from(text.clone()),
        Value::Array(items) => items.iter().map(from_json).collect(),
        Value::Object(entries) => {
            Val::obj(entries.iter().map(|(key, value)| (Val::from(key.clone()), from_json(value))).collect())
        }
    }
}

fn into_json(value: &Val, meter: Meter<'_>, depth: usize, unfolded: &mut usize) -> Result<Value, ValueError> {
    meter.step();
    *unfolded += 1;
    if depth > NESTING || *unfolded > MOST_VALUES {
        return Err(ValueError::new("gave a value that is nested too deep or too large"));
    }
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Num(number) => Value::Number(finite(number)?),
        Val::TStr(bytes) | Val::BStr(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::String(text.to_owned()),
            Err(_) => return Err(ValueError::new("gave bytes that are not UTF-8 text")),
        },
        Val::Arr(items) => {
            let items = items.iter().map(|item| into_json(item, meter, depth + 1, unfolded));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Val::Obj(entries) => {
            let entries = entries.iter().map(|(key, value)| match into_json(key, meter, depth + 1, unfolded)? {
                Value::String(key) => Ok((key, into_json(value, meter, depth + 1, unfolded)?)),
                other => Err(ValueError::from(format!("gave an object with the key {other}, which is not a string"))),
            });
            Value::Object(entries.collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

/// A JSON number. NaN and infinity are errors, where jq prints `null` or a huge number: a failed calculation must not look
/// like data.
fn finite(number: &Num) -> Result<Number, ValueError> {
    let float = match number {
        Num::Int(int) => return Ok(Number::from(*int)),
        // By its decimal text, since a float may not hold it.
        Num::BigInt(_) | Num::Dec(_) => {
            let text = number.to_string();
            match text.parse::<u64>() {
                Ok(int) => return Ok(Number::from(int)),
                Err(_) => text.parse().unwrap_or(f64::NAN),
            }
        }
        Num::Float(float) => *float,
    };
    Number::from_f64(float).ok_or_else(|| ValueError::from(format!("gave {float}, which is not a finite number")))
}
