{{ $now := Now }}{{ $annotations := or .metadata.annotations dict }}
{{ $before := -1 }}{{ range .status.containerStatuses }}{{ $before = .restartCount }}{{ end }}
phase: Running
conditions:
- { type: PodScheduled, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "False", reason: ContainersNotReady, message: "containers with unready status: [app]", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "False", reason: ContainersNotReady, message: "containers with unready status: [app]", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: false
  started: false
  restartCount: {{ add $before 1 }}
  state: { waiting: { reason: CrashLoopBackOff, message: "back-off 10s restarting failed container=app" } }
  lastState: { terminated: { exitCode: {{ or (index $annotations "code") "1" }}, reason: {{ or (index $annotations "reason") "Error" | Quote }}, finishedAt: {{ $now | Quote }}, startedAt: {{ $now | Quote }} } }
{{ end }}
