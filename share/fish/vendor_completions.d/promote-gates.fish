# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_promote_gates_global_optspecs
    string join \n h/help
end

function __fish_promote_gates_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_promote_gates_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_promote_gates_using_subcommand
    set -l cmd (__fish_promote_gates_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c promote-gates -n "__fish_promote_gates_needs_command" -s h -l help -d 'Print help'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "health" -d 'Check that the new version is rolled out and responds as expected'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "smoke" -d 'Run the smoke tests, and check that every critical path works'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "performance" -d 'Compare the p99 latency with its baseline'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "bundle-size" -d 'Compare the bundle\'s size with its baseline'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "metric" -d 'Check that figures of monitoring are within their limits and no alert fires'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "approval" -d 'Check that an independent person approved this run or its pull request, and had time to review it'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "wait" -d 'Wait after the approval, while the promotion can still be cancelled or held'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "run" -d 'Run the gates of the config file in one step, in order, and stop at the first that does not pass'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "comment" -d 'Keep one comment on the pull request with the results of the gates'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "baseline" -d 'Keep the figures of promoted releases, with which `performance` compares the next one'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "record" -d 'Collect the gates\' reports; if the required gates passed, dispatch the validation to the infra repository'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "evidence" -d 'Verify the claims of a validation\'s payload, and show the evidence before the approval'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "promote" -d 'Set the image in the infra repository, commit and push'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "status" -d 'Judge the open pull requests, and set the commit status that lets them be merged'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "emergency" -d 'Bypass the gates in an incident: a marked commit, a follow-up issue and a budget'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "rollback" -d 'Roll back the last promotion of a service, and open a review issue'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "environments" -d 'Plan, check or apply the protection rules of GitHub environments from a file, or import them into one'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "doctor" -d 'Ask GitHub, the cluster and the registry whether everything is set up, and say how to fix what is not'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "audit" -d 'Audit the ledger: promotions, emergencies against their budget, rollbacks, approvals per person'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "init" -d 'Write the workflows and the config file for this repository, and say what is left to do'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "lint" -d 'Check the workflows that use these actions, offline: inputs, permissions, environments and the way of the reports'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "demo" -d 'Simulate a release day on this machine with the real commands: five releases, an emergency, a rollback and the audit'
complete -c promote-gates -n "__fish_promote_gates_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l workload -d 'Workloads to watch, as `deployment/NAME`; other kinds: statefulset, daemonset, rollout, application, kustomization, helmrelease' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l namespace -d 'Namespace of the workloads [default: that of the context, else `default`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l kubeconfig -d 'Kubeconfig, as a path or as its content, also in base64 [default: `KUBECONFIG`, else `~/.kube/config`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l in-cluster -d 'Use the service account of the runner\'s pod instead of a kubeconfig' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l appear-timeout -d 'How long the image under promotion may take to appear in the cluster' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l rollout-timeout -d 'How long the rollout may take once it has started' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l stabilize -d 'How long each container must have run, and one that restarted longer than its previous run; 0: ready for a moment is enough' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l max-unhealthy -d 'How long a pod may be unhealthy' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l crash-limit -d 'Number of crashes of one container at which the gate blocks' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l grace -d 'Grace periods: how long a state is tolerated, as in `image-pull 5m` or `failed-create never` [default: see the table of states]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l allow-empty -d 'Pass a workload even if it requests no pods, and a Kustomization or a HelmRelease without health checks' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l registry-token -d 'Token that may read the image\'s manifests, as `user:token` or alone, sent only to the registry of `image`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l api-timeout -d 'How long the API server may take to start a response' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l endpoints -d 'Endpoints to probe, as http or https URLs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l attempts -d 'Maximum number of attempts for each endpoint' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l interval -d 'Pause between two attempts' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l consecutive -d 'How many good responses in a row make an endpoint healthy' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l expect-status -d 'Status codes of a good response' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l condition -d 'jq condition on the JSON body of a good response, such as `.version == $subject.tag`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l headers -d 'Request headers, as `Name: value`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l request-timeout -d 'How long one response may take, including redirects and body' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l redirects -d 'How many redirects to follow; with 0, a redirect is not a good response unless `expect-status` lists its status' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand health" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l command -d 'Command that runs the tests, executed by `bash -e -o pipefail` (`sh -e` if bash is not installed)' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l argv -d 'Program and arguments that run the tests, without a shell' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l working-directory -d 'Folder in which the tests run' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l checks -d 'File of checks: critical paths as HTTP requests, instead of a command' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l target -d 'URL of the service under test, for `checks`; it takes precedence over `base-url` in the file' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l env -d 'Environment variables for the tests, in addition to those of the job, as `NAME=VALUE`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l timeout -d 'How long the tests may take; then the gate kills them and all processes that they started' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l junit -d 'Reports that the tests write (JUnit XML, TRX or TAP): paths or globs in the workspace' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l critical -d 'Names of tests that must run and pass; `*` matches any text. The failures of other tests then only warn' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l min-tests -d 'How many tests have to run at least' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l max-flaky -d 'How many tests may fail and then pass when they are repeated; by default any number, with a warning' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l retries -d 'How often the command runs again after a failure, or a path of `checks`; a test that then passes is flaky' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l version-endpoint -d 'URL that returns the running version as JSON; it has to be the release under promotion before and after the tests' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l expect-version -d 'jq condition on that JSON, with `$subject`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l version-headers -d 'Headers of that request, as `Name: value`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand smoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l results -d 'Results of the load test: a file that the tool wrote, or an http(s) URL. With `command`: the file that each run writes, and that the gate deletes before each run [default: with `command` its stdout]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l format -d 'Format of the results; `auto` recognizes it by the content' -r -f -a "auto\t''
k6\t''
locust\t''
oha\t''
autocannon\t''
artillery\t''
vegeta\t''
jmeter\t''
gatling\t''
wrk\t''
hey\t''
ab\t''
prometheus\t''
lighthouse\t'Page loads: they have no p99'
latencies\t'A list or a histogram of latencies'
plain\t'A team\'s own document with `p99_latency`'
jq\t''"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l results-query -d 'jq expression that extracts the p99 from results in JSON; it takes precedence over a known format [default: `.p99_latency`, for JSON of no known format]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l results-unit -d 'Unit of the results, where their format does not say it: `ns`, `us`, `ms` or `s` [default: `unit`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l results-headers -d 'Headers of the request for the results, as `Name: value`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l baseline -d 'Baseline: a file or an http(s) URL, in any format of the results, or JSON with `p99_latency`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l baseline-query -d 'jq expression that extracts the p99 from a baseline in JSON, or the list of the p99 of several earlier runs [default: `.p99_latency`, for JSON of no known format]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l baseline-unit -d 'Unit of the baseline, where its format does not say it: `ns`, `us`, `ms` or `s` [default: `unit`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l baseline-headers -d 'Headers of the request for the baseline, as `Name: value`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l max-ratio -d 'Maximum ratio of the p99 to its baseline' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l min-ratio -d 'A ratio up to this one is inconclusive: it is a mistake rather than an improvement' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l max-error-rate -d 'Maximum share of failed requests' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l min-requests -d 'Minimum number of requests on each side, and of each endpoint that is judged' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l max-age -d 'Maximum age of the results; a job on a hosted runner takes 6 hours at most' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l endpoints -d 'Endpoints that must be judged, by the names in the results; every other one with enough requests is judged, too' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l allow-difference -d 'What may differ between the results and the baseline' -r -f -a "target\t'Another URL or server'
load\t'Other users, connections or requests per second'
machine\t'Another machine'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l undecided -d 'What decides about a single run on each side' -r -f -a "plain-rule\t'The comparison of the two figures decides'
inconclusive\t'The gate is inconclusive unless earlier runs show that the comparison is likely right'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l unit -d 'Unit of the messages and outputs, and of figures for which nothing else says it: `ns`, `us`, `ms` or `s` [default: ms]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l timeout -d 'How long each server may take to respond' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l baseline-store -d 'Baselines that the action `baseline` keeps: a file in the workspace, with `baseline-branch` a file of that branch, or an http(s) URL; `{service}` stands for the name of the service' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l baseline-branch -d 'Branch that has the file of `baseline-store`, read by GitHub\'s API' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l baseline-repository -d 'Repository of `baseline-branch` [default: that of the workflow]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l max-baseline-days -d 'How many days old the newest session of `baseline-store` may be' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l drift-from -d 'Tag of a release in `baseline-store`: the p99, or each median of page loads, may be at most `max-drift` times that of the release, however small each step since was' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l max-drift -d 'Maximum ratio of a figure to that of `drift-from`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l token -d 'Token with Contents: read, for `baseline-branch`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l command -d 'Load test that the gate runs itself, in pairs, executed by `bash -e -o pipefail` (`sh -e` if bash is not installed). It gets `TARGET`, `DURATION` and `USERS` as environment variables' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l argv -d 'Program and arguments of the load test, without a shell' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l working-directory -d 'Folder in which the load test runs' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l env -d 'Environment variables for the load test, in addition to those of the job, as `NAME=VALUE`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l target -d 'Where the release under promotion runs: the `TARGET` of the load test. Without a load test, a URL to which the gate itself sends GET requests' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l baseline-target -d 'Where the release runs that is in production, on the same kind of machine: the `TARGET` of the other run of each pair' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l rate -d 'Requests per second that the gate itself sends; at most 5,000 [default: 100]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l headers -d 'Headers of the requests that the gate itself sends, as `Name: value`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l duration -d 'How long one run sends requests: the `DURATION` of the load test, in whole seconds [default: with `command` 30s, else 6s]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l users -d 'How many users one run has: the `USERS` of the load test. Without a load test: users who each wait for a response before they send the next request, in place of `rate` [default: with `command` 10]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l max-pairs -d 'Maximum number of pairs: 6, 12, 24 or 48. The gate decides after 6, 12, 24 or 48 pairs, as soon as it can [default: with `command` 12, else 24]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l max-duration -d 'How long all runs together may take' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l run-timeout -d 'How long one run may take; then the gate kills it and all processes that it started [default: twice `duration`, and 1 minute]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l min-delta -d 'A difference that users do not notice, such as `5ms`: up to it, the target may be slower than `max-ratio` allows' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l sessions -d 'Reports of earlier jobs of this gate: paths or globs in the workspace. Attempts at this release that did not pass count; without `baseline-target`, the p99 is compared with those of at least five sessions of other releases' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand performance" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l path -d 'Files and folders of the bundle, or globs; `!` excludes. Scripts, style sheets, WebAssembly and pages are judged; other files, such as images, only if a pattern names their extension (`**/*.png`) or a group has them' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l baseline -d 'JSON file with the sizes to compare with; on a pull request it is read from the base commit, which the pull request was merged with' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l baseline-from -d 'Where the baseline is: `base-commit` for a committed file; `file` for one that an earlier step put into the workspace, which has to be of the base commit; `promotion` for the sizes of the last promotion, with which `evidence` compares: here the bundle is only measured' -r -f -a "base-commit\t'A committed file, of the base commit'
file\t'A file of the workspace'
promotion\t'The last promotion, which only `evidence` knows'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l base-command -d 'Command that installs and builds, run by bash in a checkout of the base commit outside of the workspace; its result is the baseline, unless the `file` of `baseline-from` is of that commit' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l base-timeout -d 'How long `base-command` may take' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l write-baseline -d 'Write the current sizes to the baseline file, for you to commit; this run is still compared with the old sizes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l allow-first -d 'Write a baseline and pass if none exists yet' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l max-increase -d 'Maximum growth over the baseline in percent; a growth of exactly this much still passes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l max-added -d 'Maximum number of bytes, before compression, that new and grown files may add together, whatever the percentage and whatever was removed' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l max-added-per-package -d 'Maximum number of bytes, before compression, that any one package may add: 100 kB where the packages of both sides are known; if you set it, they have to be known' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l max-size -d 'Maximum size of the bundle, in the chosen `compression`, whatever it was before; no explanation raises it' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l max-decrease -d 'Maximum decrease in percent: a bundle that shrank by more, or lost all its scripts, is inconclusive, since the build may be incomplete' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l min-increase -d 'Growth by fewer bytes than this is ignored as noise, whatever the percentage' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l compression -d 'Which size to compare: that of the files as they are, or of each file compressed' -r -f -a "raw\t'The bytes on disk'
gzip\t'What a server sends to a browser'
brotli\t'What a server sends that keeps files compressed at the highest level'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l explanation -d 'Why the growth is intended: with an explanation of at least 15 letters the gate passes, and the report shows it; `up to +200 kB` in it limits how many new bytes it explains' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l token -d 'Token with Pull requests: read: with it, a growth over the limits is explained by the description of the pull request as it is now, in the line `explanation-line`; a re-run reads it again' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l explanation-line -d 'What the line begins with that explains the growth, as in `Bundle-size: up to +200 kB: the new editor`; a heading of this name works as well' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l explanation-label -d 'Label without which the line does not count, set by someone who may set labels' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l groups -d 'Parts of the bundle that are judged by themselves, one a line: a name, patterns, and its own limits, as in `admin dist/admin/** max-increase=2% max-added=50kB max-size=300kB`; a file belongs to the first group that matches' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l stats -d 'Data of the bundler, by which the packages are known: a metafile of esbuild, statistics of webpack, raw data of the Rollup visualizer; without it, files with the usual names are looked for, and then source maps' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l drift-from -d 'Tag since which the growth is limited as well: its commit has the baseline file' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l max-drift -d 'Maximum growth since `drift-from` in percent, for a change that grows the bundle; no explanation raises it' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l cache-folder -d 'Folder that keeps the sizes of known contents between runs, for `compression: brotli`, which takes a second for half a megabyte' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l top -d 'Number of files in the table of the files that grew most' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand bundle-size" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l conditions -d 'Conditions, such as `error-rate <= 1 % with requests >= 100`, `lcp <= 1.1 × baseline`, `no alert {service="$service"}`, or `burn-rate of error-rate at 99.9 % <= 14.4 over 1h and 5m`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l figures -d 'Figures of the conditions, as `error-rate = QUERY` in PromQL, `lcp (ms) = https://… | JQ`, or `lcp baseline = QUERY`; `$window`, `$service` and other parts of the subject are replaced' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l prometheus -d 'Prometheus or a compatible server, as an http or https URL' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l prometheus-headers -d 'Headers of the requests to Prometheus, as `Name: value`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l alertmanager -d 'Alertmanager, as an http or https URL' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l alertmanager-headers -d 'Headers of the requests to Alertmanager, as `Name: value`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l headers -d 'Headers of the requests for figures in JSON, as `Name: value`; these figures must then have one host' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l window -d 'What `$window` in a query stands for' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l watchdog -d 'The alert that always fires, as its matchers, or `none`; without it, an empty list of alerts says nothing' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l max-age -d 'Maximum age of a value' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l delay -d 'How long to wait before the first reading; as long as `window`, it leaves out what was before the step' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l duration -d 'How long the conditions must hold; 0: one reading is enough' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l interval -d 'Pause between two readings' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l request-timeout -d 'How long one response may take' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l timeout -d 'How long to retry after the duration while something cannot be read or has too few samples' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand metric" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l source -d 'Where people approve: the run, for an environment with required reviewers; or the promotion\'s pull request, on any plan' -r -f -a "environment\t'The workflow run that waits for the environment'
pull-request\t'The promotion\'s pull request'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l results -d 'Reports of earlier jobs, including that of `evidence`: the expression `toJSON(needs)`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l github-environment -d 'GitHub environment of this job; required with `source: environment`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l pull-request -d 'With `source: pull-request`: number of the promotion\'s pull request [default: the open one that has the evidence of `results`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l minimum -d 'With `source: pull-request`: how many people have to approve' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l codeowners -d 'With `source: pull-request`: require the approval of an owner of the changed file, by CODEOWNERS on the base branch' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l independent -d 'Require an approver who had no part in the release: its deployment and its commits, as `evidence` lists them' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l excluded -d 'Additional logins whose approval does not count' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l max-approvals -d 'How many promotions one person may approve within `window`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l window -d 'Time window in which approvals are counted' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l min-review-time -d 'How long the decision pack must have been there before the approval, such as `60s` [default: not checked]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l require-comment -d 'Require a comment of each approver in GitHub\'s review, with at least two letters' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l superseded-by -d 'With `source: environment`: what supersedes a promotion that waits: a newer promotion of the service in the ledger; or also a newer validation, whose promotion goes on in another run of this workflow' -r -f -a "promotion\t'A newer promotion of the service in the ledger'
validation\t'Also a newer validation whose promotion goes on in another run'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l token -d 'Token that may read this repository\'s workflow runs (Actions: read), its deployments (Deployments: read) and the ledger (Contents: read); with `source: pull-request`, instead of the deployments its pull requests (Pull requests: read), and without `results` its checks (Checks: read), as with `superseded-by: validation`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l source-token -d 'Token with Actions, Contents and Pull requests: read on the service\'s repository; only for releases of more people than the report of `evidence` has room for, and without `results` [default: `token`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l checkout -d 'Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l branch -d 'Branch of the infra repository that holds the promotions [default: the checkout\'s current branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l remote -d 'Name of the checkout\'s remote for the infra repository' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l file -d 'Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l timeout -d 'How long to retry while GitHub or the ledger cannot be read' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand approval" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l duration -d 'How long to wait after the approval, at most 43200 minutes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l results -d 'Reports of earlier jobs and steps, including those of `evidence` and `approval`: the expressions `toJSON(needs)` and `toJSON(steps)`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l interval -d 'Pause between two checks, and between two progress lines in the log' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l endpoints -d 'Endpoints that must stay healthy during the wait, as http or https URLs; `{service}` in a path stands for the name of each service' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l headers -d 'Request headers, as `Name: value`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l expect-status -d 'Status codes of a good response' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l request-timeout -d 'How long one response of an endpoint may take' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l consecutive -d 'Number of bad responses of an endpoint in a row at which the gate blocks' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l hold-label -d 'Label of the issues that hold all promotions while they are open' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l superseded-by -d 'What supersedes a promotion that waits: a newer promotion of the service in the ledger; or also a newer validation, whose promotion goes on in another run of this workflow' -r -f -a "promotion\t'A newer promotion of the service in the ledger'
validation\t'Also a newer validation whose promotion goes on in another run'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l token -d 'Token that may read this repository\'s issues (Issues: read) and the ledger (Contents: read); with `superseded-by: validation` also its workflow runs (Actions: read) and their annotations (Checks: read)' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l checkout -d 'Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l branch -d 'Branch of the infra repository that holds the promotions [default: the checkout\'s current branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l remote -d 'Name of the checkout\'s remote for the infra repository' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l file -d 'Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l timeout -d 'How long to retry after the wait while something cannot be read or an endpoint is not healthy' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l only -d 'Run only these gates of the config file, in the file\'s order' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l results -d 'Outputs of the gates\' steps or jobs: the expression `toJSON(steps)` or `toJSON(needs)`; of steps in the same job, the comment has the tables, too' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l reports -d 'Files with the gates\' reports, as from artifacts: paths or globs in the workspace' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l required -d 'Gates that must have a report; one that is missing is named, and the step is inconclusive' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l name -d 'Name of the comment: a pull request has one comment of each name, so give each workflow its own' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l token -d 'Token with Pull requests: write' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l timeout -d 'How long all requests may take, repetitions included' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand comment" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l results -d 'Outputs of the steps or jobs with the reports of `performance`: the expression `toJSON(steps)` or `toJSON(needs)`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l reports -d 'Files with reports of `performance`: paths or globs in the workspace' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l promoted -d 'Releases that are in production now: the output `subjects` of `promote`, or one subject as JSON. Their sessions become the baseline' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l store -d 'File of a service\'s sessions, in the workspace or with `branch` on that branch; `{service}` stands for the name of the service' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l branch -d 'Branch that has the file: it is read and written by GitHub\'s API. Without it, the file is one of the workspace' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l repository -d 'Repository of `branch` [default: that of the workflow]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l keep -d 'Tags of releases whose sessions stay for ever, such as the one that `drift-from` names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l token -d 'Token with Contents: write, for `branch`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l timeout -d 'How long all requests may take, repetitions included: other jobs may write at the same time' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand baseline" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l results -d 'Outputs of the gates\' jobs or steps: the expression `toJSON(needs)` or `toJSON(steps)`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l reports -d 'Files with the gates\' reports, for a matrix: paths or globs in the workspace' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l subjects -d 'Releases of one deployment, when a run validates several services: a JSON list of one subject for each. The services whose gates passed are sent in one dispatch' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l required -d 'Gates that must have passed' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l branch -d 'Branch that releases are built from: the commit that a deploy run deployed must be on it [default: the repository\'s default branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l deploy-workflow -d 'Workflow whose end starts this one, as a path such as `.github/workflows/deploy-staging.yml`; without it, only `evidence` checks the path' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l repository -d 'Infra repository that receives the dispatch' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l event-type -d 'Type of the `repository_dispatch` event' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l proof -d 'How `evidence` can verify the dispatch: `required` sends GitHub\'s signature of it, for which the job needs `id-token: write`' -r -f -a "required\t'A token in which GitHub signs the evidence'
annotations\t'The notices of the gates\' jobs, for runners without an OIDC provider. Weaker: a token with Checks: write can add one'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l token -d 'Token with Contents: write on the infra repository; `GITHUB_TOKEN` has access to its own repository only' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l source-token -d 'Token with Actions and Contents: read on this repository; a workflow `on: workflow_run` needs it, to look up the deploy run [default: `token`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l timeout -d 'How long all requests may take, repetitions included' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l event-type -d 'Type of the `repository_dispatch` event that announces a validation' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l required -d 'Gates whose passed reports must be in the payload' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l max-age -d 'Maximum time since the end of a gate\'s job' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l min-age -d 'Minimum time since the last of the required gates passed, without a newer deployment or a bad validation since, such as `4h` [default: not checked]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l allow-first -d 'Pass even if the commit in the current image is unknown, or no promotion recorded the size of the bundle, as for a service\'s first promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l proof -d 'What must prove the payload: GitHub\'s signature, or, on runners without OIDC, the gates\' annotations, which is weaker' -r -f -a "required\t'A token in which GitHub signs the evidence'
annotations\t'The notices of the gates\' jobs, for runners without an OIDC provider. Weaker: a token with Checks: write can add one'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l issuer -d 'The OIDC issuer that signs, as in the tokens\' `iss` [default: the issuer of the runner\'s server]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l annotations-timeout -d 'With `proof: annotations`: how long a job\'s annotations may take to appear after the job ended' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l checkout -d 'Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l branch -d 'Branch of the infra repository that holds the promotions [default: the checkout\'s current branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l remote -d 'Name of the checkout\'s remote for the infra repository' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l file -d 'Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l image-name -d 'The image\'s name in the manifests (`images[].name`); `{service}` is filled in [default: the entry of the service\'s repository, else of its name, else of its image in the base]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l create-entry -d 'Add an image entry even if no image of the base is known to use it, or the last key of a path in `files`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l source-token -d 'Token with Actions, Contents and Pull requests: read on the services\' repositories, with `proof: annotations` also Checks: read [default: `token`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l token -d 'Token with Contents: read on this repository; without it, git uses the checkout\'s own credentials' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l unknown-authors -d 'Whether commits whose authors have no account are only shown, or block' -r -f -a "show\t'The approver sees how many there are'
block\t'The approver may be one of them'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l timeout -d 'How long all reads may take, repetitions included, of each of several services; `annotations-timeout` is added to it' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand evidence" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l results -d 'Reports of earlier jobs or steps: the expression `toJSON(needs)` or `toJSON(steps)`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l require -d 'Commands whose passed reports must be among the results, or `none`; the commit records the choice. With `mode: pull-request`, `approval` and `wait` come after the pull request is opened, and are not required here' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l max-age -d 'Maximum age of the required reports, and of the validation behind them' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l pin -d 'What the image entry holds: `both` sets `newTag` and `digest`, of which the digest decides what is pulled; `digest` or `tag` sets one alone [default: what is known of the two]' -r -f -a "both\t'`newTag` and `digest`: the tag is for people, the digest decides what is pulled'
digest\t'`digest` alone'
tag\t'`newTag` alone: the registry decides what the tag means when it is pulled'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l mode -d 'How the promotion reaches the branch: `push` pushes a commit; `api` lets GitHub make and sign the commit, for a branch that requires signed commits; `pull-request` opens a pull request, with a branch for each evidence id' -r -f -a "push\t'A commit on the branch'
api\t'A commit on the branch, which GitHub makes and signs'
pull-request\t'A pull request into the branch'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l labels -d 'Labels of the pull request, with `mode: pull-request`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l merge -d 'Merge the pull request that `approval` (`source: pull-request`) in `results` approved, instead of opening one' -r -f -a "merge\t'A merge commit'
squash\t'One new commit'
rebase\t'The same commits on top of the base'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l checkout -d 'Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l branch -d 'Branch of the infra repository that holds the promotions [default: the checkout\'s current branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l remote -d 'Name of the checkout\'s remote for the infra repository' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l file -d 'Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l image-name -d 'The image\'s name in the manifests (`images[].name`); `{service}` is filled in [default: the entry of the service\'s repository, else of its name, else of its image in the base]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l create-entry -d 'Add an image entry even if no image of the base is known to use it, or the last key of a path in `files`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l timeout -d 'How long all reads and writes may take, repetitions included' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l committer-name -d 'Name of the committer' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l committer-email -d 'Email address of the committer' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l token -d 'Token that may push to the infra repository (Contents: write; with `mode: pull-request` also Pull requests: write); without it, git uses the checkout\'s own credentials, and `mode: push` alone is possible' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand promote" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l pull-request -d 'Number of the only pull request to judge [default: every open one into the branch, and every open one of a promotion]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l results -d 'Reports of this run\'s `approval`, and of the other gates in `require`: the expressions `toJSON(needs)` and `toJSON(steps)`; without them, the approval is judged here, by the section `approval` of the config file' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l require -d 'Gates that must have passed for the status `success`; all but `approval` are known from `results` only' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l context -d 'Name of the commit status, which a rule of the base branch requires' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l token -d 'Token with Commit statuses: write; without `results` also with Actions, Checks, Contents and Pull requests: read' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l source-token -d 'Token with Actions, Contents and Pull requests: read on the services\' repositories [default: `token`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l checkout -d 'Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l branch -d 'Branch of the infra repository that holds the promotions [default: the checkout\'s current branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l remote -d 'Name of the checkout\'s remote for the infra repository' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l file -d 'Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l image-name -d 'The image\'s name in the manifests (`images[].name`); `{service}` is filled in [default: the entries of the service\'s image, else all]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l timeout -d 'How long all reads and writes for one pull request may take, repetitions included' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l incident -d 'Incident id, as in the incident tracker' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l reason -d 'Why the promotion cannot wait for the gates' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l allowed -d 'Services that may bypass the gates [default: those of the config file\'s `services`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l budget -d 'How many emergencies in 30 days are normal; more are reported as too many, but never blocked' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l independent -d 'What an approval by the person who started the run means: `show` records it in the commit and the issue, `block` makes no commit without the approval of another person' -r -f -a "show\t'The finding, the commit and the issue say so'
block\t'There is no commit'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l incident-pattern -d 'Regular expression that the whole incident id must match' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l github-environment -d 'GitHub environment of this job, whose reviewers approve it' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l allow-unapproved -d 'Continue without a known approval; the commit then names no approver, and the issue says so' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l issue-repository -d 'Repository that gets the follow-up issue [default: this repository]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l api-token -d 'Token for GitHub\'s API: Actions: read on this repository, Issues: write on the repository of the issue [default: `token`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l mode -d 'How the commit reaches the branch: `push` pushes it; `api` lets GitHub make and sign it, for a branch that requires signed commits' -r -f -a "push\t'Git makes it, and pushes'
api\t'GitHub makes and signs it'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l token -d 'Token that may push to the infra repository (Contents: write); without it, git uses the checkout\'s own credentials, and `mode: push` alone is possible' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l checkout -d 'Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l branch -d 'Branch of the infra repository that holds the promotions [default: the checkout\'s current branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l remote -d 'Name of the checkout\'s remote for the infra repository' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l file -d 'Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l image-name -d 'The image\'s name in the manifests (`images[].name`); `{service}` is filled in [default: the entry of the service\'s repository, else of its name, else of its image in the base]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l create-entry -d 'Add an image entry even if no image of the base is known to use it, or the last key of a path in `files`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l timeout -d 'How long all reads and writes may take, repetitions included' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l committer-name -d 'Name of the committer' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l committer-email -d 'Email address of the committer' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand emergency" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l promotion -d 'Commit id of the promotion to roll back [default: the last promotion; none if the last one is a rollback]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l incident -d 'Incident id, as in the incident tracker' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l reason -d 'What went wrong' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l incident-pattern -d 'Regular expression that the whole incident id must match' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l github-environment -d 'GitHub environment of this job, whose reviewers approve it' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l allow-unapproved -d 'Continue without a known approval; the commit then names no approver, and the issue says so' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l issue-repository -d 'Repository that gets the follow-up issue [default: this repository]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l api-token -d 'Token for GitHub\'s API: Actions: read on this repository, Issues: write on the repository of the issue [default: `token`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l mode -d 'How the commit reaches the branch: `push` pushes it; `api` lets GitHub make and sign it, for a branch that requires signed commits' -r -f -a "push\t'Git makes it, and pushes'
api\t'GitHub makes and signs it'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l token -d 'Token that may push to the infra repository (Contents: write); without it, git uses the checkout\'s own credentials, and `mode: push` alone is possible' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l checkout -d 'Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l branch -d 'Branch of the infra repository that holds the promotions [default: the checkout\'s current branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l remote -d 'Name of the checkout\'s remote for the infra repository' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l file -d 'Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l image-name -d 'The image\'s name in the manifests (`images[].name`); `{service}` is filled in [default: the entry of the service\'s repository, else of its name, else of its image in the base]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l create-entry -d 'Add an image entry even if no image of the base is known to use it, or the last key of a path in `files`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l timeout -d 'How long all reads and writes may take, repetitions included' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l committer-name -d 'Name of the committer' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l committer-email -d 'Email address of the committer' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l mode -d '`plan` shows the differences, `check` blocks on them, `apply` writes them; `import` writes a new file from what GitHub has' -r -f -a "plan\t''
check\t''
apply\t''
import\t''"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l file -d 'File that defines the environments, relative to the workspace' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l repository -d 'Repository that has the environments [default: the workflow\'s own]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l token -d 'Token with Actions: read and Contents: read; `apply` needs Administration: write, and new teams among the reviewers need Members: read' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l timeout -d 'How long all requests may take, repetitions included' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand environments" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l repository -d 'Repository to look at [default: the workflow\'s own]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l token -d 'Token to ask GitHub with; what it may not see is named, with the permission that would show it' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l reviewed -d 'Environments that need required reviewers [default: those of jobs that promote, and those whose names begin with `prod`; none if people approve pull requests]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l file -d 'File with the rules of the environments, which are compared if it exists, relative to the workspace' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l namespace -d 'Namespace of the workloads [default: that of the context, else `default`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l kubeconfig -d 'Kubeconfig, as a path or as its content, also in base64 [default: `KUBECONFIG`, else `~/.kube/config`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l in-cluster -d 'Use the service account of the runner\'s pod instead of a kubeconfig' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l registry-token -d 'Token that may read the image, as `user:token` or alone, sent only to the registry of `image`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l api-timeout -d 'How long the API server of the cluster may take to start a response' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l allow-unseen -d 'Pass although something was not seen for want of a permission; what was seen still counts' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l timeout -d 'How long all requests may take, repetitions included' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -l checkout -d 'Folder of this repository\'s checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l since -d 'Start of the audited period: a number of days such as `90d`, or a date such as `2026-01-31` (UTC)' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l budget -d 'How many emergencies an environment may have in any 30 days' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l by-hand -d 'How many commits may change an image without being in the ledger' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l stale-after -d 'How long a validated release may wait for its promotion, such as `3d`; with it, the releases that were validated and never promoted are listed, too [default: not checked]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l output-file -d 'File for all figures in JSON' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l checkout -d 'Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l branch -d 'Branch of the infra repository that holds the promotions [default: the checkout\'s current branch]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l remote -d 'Name of the checkout\'s remote for the infra repository' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l file -d 'Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l image-name -d 'The image\'s name in the manifests (`images[].name`); `{service}` is filled in [default: the entries of the service\'s image, else all]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l token -d 'Token that may read the infra repository (Contents: read), its workflow runs (Actions: read), with `stale-after` also their annotations (Checks: read), and the pull requests of promotions (Pull requests: read); without it, git uses the checkout\'s own credentials, no run is checked, and promotions by pull request are inconclusive' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l timeout -d 'How long all reads may take; a remote that does not answer is asked again for a minute' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l config -d 'Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l dry-run -d 'Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l report-file -d 'File for the full report in JSON [default: a new file in the runner\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l summary -d 'How much to write into the job summary' -r -f -a "full\t'Everything, details folded'
short\t'The headline, the next step, and the checks that did not pass'
none\t'Nothing'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l subject -d 'The complete subject as one JSON object, to pass it between jobs' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l service -d 'Service under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l environment -d 'Environment that the command checks or changes' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l image -d 'Image repository, optionally with `:tag` and `@digest`' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l tag -d 'Tag of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l digest -d 'Digest of the image under promotion' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -l commit -d 'Commit the image was built from' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l approval -d 'How a person approves a promotion: `environment` asks the reviewers of a GitHub environment, `pull-request` those of the promotion\'s pull request, on any plan' -r -f -a "environment\t'The reviewers of a GitHub environment'
pull-request\t'The reviewers of the promotion\'s pull request, on any plan'"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l status-app -d 'Number of the GitHub App that sets the status of pull requests, from its page of settings: the rule of the default branch then requires the status from this App [default: the job\'s token sets it, and any token can]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l infra -d 'Infra repository with the manifests, if they are not in this repository: only the gates are written here' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l source -d 'Repository of the services, if this one has only the manifests' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l repository -d 'This repository on GitHub [default: that of the remote `origin`]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l image -d 'Images that are promoted, without tags [default: those in the manifests of production]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l service -d 'Name of the service [default: the last part of its image]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l path -d 'What belongs to the service in its repository, a folder or a file, as `paths` in the config file [default: everything]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l manifest -d 'Files that have the image in production [default: those whose path, name or namespace names production]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l deploy-workflow -d 'Workflow that deploys to staging [default: the only one with `deploy` in its name]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l workload -d 'Workload that runs the image, as KIND/NAME [default: that of the manifests, or a Deployment with the service\'s name]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l staging-namespace -d 'Namespace of staging [default: that of the manifests]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l production-namespace -d 'Namespace of production [default: that of the manifests]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l staging-url -d 'URL in staging that answers when the service is ready; `{service}` stands for its name' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l production-url -d 'URL in production that answers when the service is ready; `{service}` stands for its name' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l smoke -d 'Command of the smoke tests; without it, the gate `smoke` is left out' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l junit -d 'Where the smoke tests write their `JUnit` reports' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l reviewer -d 'Login of a person who may approve, in the commands that are left to do' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l actions -d 'The actions that the workflows use: your copy of this repository, and its version [default: as shipped]' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l checkout -d 'Top folder of the checkout' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -l dry-run -d 'Print the files instead of writing them' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand lint" -l checkout -d 'Folder of the checkout whose workflows are checked' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand lint" -l folder -d 'Folder with the workflow files, relative to the checkout' -r
complete -c promote-gates -n "__fish_promote_gates_using_subcommand lint" -l format -d '`text` for people, `json` for programs, `github` for annotations of a workflow run' -r -f -a "text\t''
json\t''
github\t''"
complete -c promote-gates -n "__fish_promote_gates_using_subcommand lint" -s h -l help -d 'Print help'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand demo" -l keep -d 'New or empty folder in which the demo keeps its files [default: a new folder below the system\'s temp folder]' -r -F
complete -c promote-gates -n "__fish_promote_gates_using_subcommand demo" -s h -l help -d 'Print help'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "health" -d 'Check that the new version is rolled out and responds as expected'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "smoke" -d 'Run the smoke tests, and check that every critical path works'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "performance" -d 'Compare the p99 latency with its baseline'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "bundle-size" -d 'Compare the bundle\'s size with its baseline'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "metric" -d 'Check that figures of monitoring are within their limits and no alert fires'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "approval" -d 'Check that an independent person approved this run or its pull request, and had time to review it'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "wait" -d 'Wait after the approval, while the promotion can still be cancelled or held'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "run" -d 'Run the gates of the config file in one step, in order, and stop at the first that does not pass'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "comment" -d 'Keep one comment on the pull request with the results of the gates'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "baseline" -d 'Keep the figures of promoted releases, with which `performance` compares the next one'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "record" -d 'Collect the gates\' reports; if the required gates passed, dispatch the validation to the infra repository'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "evidence" -d 'Verify the claims of a validation\'s payload, and show the evidence before the approval'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "promote" -d 'Set the image in the infra repository, commit and push'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "status" -d 'Judge the open pull requests, and set the commit status that lets them be merged'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "emergency" -d 'Bypass the gates in an incident: a marked commit, a follow-up issue and a budget'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "rollback" -d 'Roll back the last promotion of a service, and open a review issue'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "environments" -d 'Plan, check or apply the protection rules of GitHub environments from a file, or import them into one'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "doctor" -d 'Ask GitHub, the cluster and the registry whether everything is set up, and say how to fix what is not'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "audit" -d 'Audit the ledger: promotions, emergencies against their budget, rollbacks, approvals per person'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "init" -d 'Write the workflows and the config file for this repository, and say what is left to do'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "lint" -d 'Check the workflows that use these actions, offline: inputs, permissions, environments and the way of the reports'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "demo" -d 'Simulate a release day on this machine with the real commands: five releases, an emergency, a rollback and the audit'
complete -c promote-gates -n "__fish_promote_gates_using_subcommand help; and not __fish_seen_subcommand_from health smoke performance bundle-size metric approval wait run comment baseline record evidence promote status emergency rollback environments doctor audit init lint demo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
