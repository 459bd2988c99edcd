{{/* Parts of network policies. */}}

{{/* Selects the pods of some services. Called with root and services (a list). */}}
{{- define "causeway.pods" -}}
{ matchLabels: {{ include "causeway.selector" .root | fromYaml | toJson }}, matchExpressions: [{ key: app.kubernetes.io/component, operator: In, values: {{ toJson .services }} }] }
{{- end }}

{{/* JSON list of the ports in an address, or in several with commas; `of` says the port where none is written. Called with address and of. */}}
{{- define "causeway.portsIn" -}}
{{- $ports := list -}}
{{- range splitList "," .address -}}
{{- $host := regexReplaceAll "/.*$" (regexReplaceAll "^([a-z0-9+]+://)?([^@/]*@)?" . "") "" -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (regexFind ":[0-9]+$" $host) | default $.of | int) -}}
{{- end -}}
{{- uniq $ports | toJson -}}
{{- end }}

{{/* An egress rule to something that `reach` (to, ports) describes; without `to` anywhere, without ports those of the address. */}}
{{- define "causeway.egressTo" -}}
{{- $ports := .reach.ports | default (include "causeway.portsIn" . | fromJsonArray) -}}
- ports: [{{ range $at, $port := $ports }}{{ if $at }}, {{ end }}{ protocol: TCP, port: {{ $port }} }{{ end }}]
{{- with .reach.to }}
  to: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{/* An egress rule to a network: cidr, except, ports. */}}
{{- define "causeway.egressToNetwork" -}}
- to: [{ ipBlock: {{ pick . "cidr" "except" | toJson }} }]
{{- with .ports }}
  ports: [{{ range $at, $port := . }}{{ if $at }}, {{ end }}{ protocol: TCP, port: {{ $port }} }{{ end }}]
{{- end }}
{{- end }}

{{/* The port that an address means without one. */}}
{{- define "causeway.webPort" -}}
{{ ternary "443" "80" (hasPrefix "https:" .) }}
{{- end }}
