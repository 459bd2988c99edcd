{{/* The pod of a service. Called with root, service and own. */}}

{{- define "causeway.podSpec" -}}
{{- $ := .root -}}
serviceAccountName: {{ include "causeway.fullname" $ }}-{{ .service }}
automountServiceAccountToken: false
# Variables that Kubernetes makes of Services would be taken for ours: CAUSEWAY_DICOM_PORT=tcp://...
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .own.terminationGracePeriodSeconds }}
securityContext: {{ include "causeway.podSecurity" $ }}
{{- with $.Values.image.pullSecrets }}
imagePullSecrets: [{{ range $at, $name := . }}{{ if $at }}, {{ end }}{ name: {{ $name | quote }} }{{ end }}]
{{- end }}
{{- include "causeway.scheduling" . }}
containers:
  - name: {{ .service }}
    image: {{ include "causeway.image" $ | quote }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    args: [{{ .service }}]
    securityContext: {{ include "causeway.containerSecurity" $ }}
    env: {{- include "causeway.environment" . | nindent 6 }}
    ports: {{- include "causeway.containerPorts" . | nindent 6 }}
    {{- include "causeway.probes" . | nindent 4 }}
    {{- with .own.preStopSeconds }}
    # Serves on while balancers notice that it goes: it is ready until SIGTERM.
    lifecycle: { preStop: { sleep: { seconds: {{ . }} } } }
    {{- end }}
    resources: {{- toYaml .own.resources | nindent 6 }}
    volumeMounts: {{- include "causeway.volumeMounts" . | nindent 6 }}
volumes: {{- include "causeway.volumes" . | nindent 2 }}
{{- end }}

{{/* The Pod Security Standard "restricted". */}}
{{- define "causeway.podSecurity" -}}
{ runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, fsGroupChangePolicy: OnRootMismatch, seccompProfile: { type: RuntimeDefault } }
{{- end }}

{{- define "causeway.containerSecurity" -}}
{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
{{- end }}

{{- define "causeway.containerPorts" -}}
- { name: ops, containerPort: 9464 }
{{- if eq .service "receiver" }}
{{- range .root.Values.dicom.ports }}
- { name: {{ .name }}, containerPort: {{ .containerPort }} }
{{- end }}
{{- end }}
{{- if eq .service "console" }}
- { name: http, containerPort: 8080 }
{{- end }}
{{- end }}

{{/* The ops server is there from the first second on, and lives as long as the process answers; readiness asks what the service needs (at the receiver: store, JetStream, an open
port), within 2.5 s. */}}
{{- define "causeway.probes" -}}
startupProbe: { httpGet: { path: /health/live, port: ops }, periodSeconds: 2, failureThreshold: 60, timeoutSeconds: 2 }
livenessProbe: { httpGet: { path: /health/live, port: ops }, periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 }
readinessProbe: { httpGet: { path: /health/ready, port: ops }, periodSeconds: 5, failureThreshold: 2, timeoutSeconds: 4 }
{{- end }}

{{- define "causeway.scheduling" -}}
{{- $ := .root -}}
{{- $own := printf "%s\napp.kubernetes.io/component: %s" (include "causeway.selector" $) .service -}}
{{- with $.Values.scheduling }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  podAntiAffinity:
    {{- if eq .podAntiAffinity "required" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector: { matchLabels: {{ fromYaml $own | toJson }} }
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector: { matchLabels: {{ fromYaml $own | toJson }} }
    {{- end }}
# Counted for each version by itself, so that a rollout ends as evenly as it began.
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: {{ .spreadZones }}
    matchLabelKeys: [pod-template-hash]
    labelSelector: { matchLabels: {{ fromYaml $own | toJson }} }
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ .spreadNodes }}
    matchLabelKeys: [pod-template-hash]
    labelSelector: { matchLabels: {{ fromYaml $own | toJson }} }
{{- end }}
{{- end }}
