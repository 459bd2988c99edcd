{{/* Quickly up, slowly down, one at a time: what goes has to drain. */}}
{{- define "causeway.scaling" -}}
scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: Percent, value: 100, periodSeconds: 60 }] }
scaleDown: { stabilizationWindowSeconds: 600, policies: [{ type: Pods, value: 1, periodSeconds: {{ .period }} }] }
{{- end }}

{{/* What waits for the compressor, in hand or not: each ledger tells the same. */}}
{{- define "causeway.compressorWork" -}}
sum(max by (stream) (causeway_stream_messages{namespace="{{ .Release.Namespace }}",stream=~"RECEIVED|DERIVATIONS"}))
{{- end }}

{{/* What waits for the uploader, each of which tells the same; not what waits for a destination that is paused or outside of its window: more uploaders would not help it. */}}
{{- define "causeway.uploaderWork" -}}
{{- $of := printf "{namespace=%q}" .Release.Namespace -}}
sum(max by (destination, lane) (causeway_uploader_queued{{ $of }})
 unless on (destination) (min by (destination) (causeway_uploader_destination_state{{ $of }}) == 2)
 unless on (destination) (max by (destination) (causeway_uploader_window_closed{{ $of }}) == 1)) or vector(0)
{{- end }}
