//! A result of 500 MB, as k6 writes it: read in little memory.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use promote_gates::clock::{Clock as _, SystemClock};

use crate::{LIMIT, house::Runner, results::requests as counted};

const SIZE: u64 = 500_000_000;
/// The most memory that the gate may take, in kilobytes.
const MEMORY: u64 = 64 << 10;
/// Runs the step, and prints the highest memory that it took.
const MEASURED: &str = "exec python3 -c 'import resource, subprocess, sys\n\
    code = subprocess.call(sys.argv[1:])\n\
    print(\"highest memory:\", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, flush=True)\n\
    sys.exit(code)' \"$@\"";

/// Over a million latencies, of which no two are equal: the worst case. Returns how many requests there are.
fn write(path: &Path) -> u64 {
    let now = SystemClock::new().wall();
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let (mut requests, mut written) = (0_u64, 0);
    while written < SIZE {
        requests += 1;
        // The lowest 98 % are up to 100 ms.
        let latency = if requests.is_multiple_of(50) { 200.0 } else { 50.0 }
            + f64::from(u32::try_from(requests).expect("few")) * 1e-5;
        for (metric, value) in [("http_req_duration", latency), ("http_reqs", 1.0)] {
            let line = format!(
                "{{\"metric\":\"{metric}\",\"type\":\"Point\",\"data\":{{\"time\":\"{now}\",\"value\":{value:.6},\
                 \"tags\":{{\"expected_response\":\"true\",\"group\":\"\",\"method\":\"GET\",\"name\":\"http://shop/{}\",\"scenario\":\"c\",\
                 \"status\":\"200\"}}}}}}\n",
                requests % 7
            );
            written += line.len() as u64;
            file.write_all(line.as_bytes()).expect("room on the disk");
        }
    }
    file.flush().expect("room on the disk");
    requests
}

#[test]
fn half_a_gigabyte_is_read_in_64_megabytes() {
    // Not in the folder of the step, which may be in memory.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("points.json");
    let requests = write(&path);
    let runner = Runner::new().input("results", &path.display().to_string()).input("baseline", "baseline.json");
    runner.write("baseline.json", "{\"p99_latency\": 230}");
    let ended = runner.start_by(MEASURED, &["performance"]).end_within(LIMIT);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let memory: u64 =
        ended.log.lines().find_map(|line| line.strip_prefix("highest memory: ")?.parse().ok()).expect("memory");
    assert!(memory <= MEMORY, "{memory} kB");
    assert_eq!(counted(&ended), (requests, 0));
}
