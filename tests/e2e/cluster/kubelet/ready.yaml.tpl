{{ $now := Now }}{{ $annotations := or .metadata.annotations dict }}
phase: Running
startTime: {{ $now | Quote }}
conditions:
- { type: PodScheduled, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ or (index $annotations "digest") "" | Quote }}
  ready: true
  started: true
  restartCount: {{ atoi (or (index $annotations "stops-at") "0") }}
  state: { running: { startedAt: {{ $now | Quote }} } }
{{ end }}
