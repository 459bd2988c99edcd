{{/* The environment of a service: what shared/src/config/service-environment.ts reads, and nothing else. Called with root, service (its name) and own (its values). */}}

{{- define "causeway.environment" -}}
{{- include "causeway.environment.common" . }}
{{- if eq .service "receiver" }}
{{ include "causeway.environment.receiver" .root }}
{{- else if eq .service "ledger" }}
{{ include "causeway.environment.database" .root }}
{{ include "causeway.environment.ledger" .root }}
{{- else if eq .service "console" }}
{{ include "causeway.environment.database" .root }}
{{ include "causeway.environment.console" .root }}
{{- end }}
{{- end }}

{{- define "causeway.environment.common" -}}
{{- $ := .root -}}
- { name: CAUSEWAY_LOG_LEVEL, value: {{ $.Values.logLevel | quote }} }
- { name: CAUSEWAY_OPS_HOST, value: 0.0.0.0 }
- { name: CAUSEWAY_OPS_PORT, value: "9464" }
- { name: CAUSEWAY_DRAIN_MS, value: {{ mul .own.drainSeconds 1000 | quote }} }
{{ include "causeway.environment.nats" $ }}
{{ include "causeway.environment.objectStore" $ }}
{{- with $.Values.tracing.otlpEndpoint }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- end }}

{{- define "causeway.environment.nats" -}}
{{- $files := "/etc/causeway/credentials" -}}
- { name: CAUSEWAY_NATS_URL, value: {{ include "causeway.natsUrl" . | quote }} }
{{- with .Values.nats }}
{{- if .passwordSecret.name }}
- { name: CAUSEWAY_NATS_USER, value: {{ .user | quote }} }
- { name: CAUSEWAY_NATS_PASSWORD_FILE, value: {{ $files }}/nats-password }
{{- end }}
{{- if .tls.secret }}
- { name: CAUSEWAY_NATS_CA, value: {{ $files }}/nats-ca.crt }
{{- end }}
{{- if and .tls.secret .tls.cert }}
- { name: CAUSEWAY_NATS_CERT, value: {{ $files }}/nats-client.crt }
- { name: CAUSEWAY_NATS_KEY, value: {{ $files }}/nats-client.key }
{{- end }}
- { name: CAUSEWAY_STREAM_REPLICAS, value: {{ .streamReplicas | quote }} }
- { name: CAUSEWAY_STREAM_BYTES, value: {{ .streamBytes | int64 | quote }} }
{{- end }}
{{- end }}

{{- define "causeway.environment.objectStore" -}}
{{- with .Values.objectStore -}}
- { name: CAUSEWAY_OBJECT_STORE, value: {{ printf "s3:%s" .bucket | quote }} }
- { name: CAUSEWAY_S3_ENDPOINT, value: {{ include "causeway.objectStoreEndpoint" $ | quote }} }
- { name: CAUSEWAY_S3_REGION, value: {{ .region | quote }} }
- { name: CAUSEWAY_S3_STYLE, value: {{ .style | quote }} }
- { name: CAUSEWAY_S3_SPOOL, value: /spool }
- name: CAUSEWAY_S3_ACCESS_KEY
  valueFrom: { secretKeyRef: { name: {{ .credentialsSecret.name | quote }}, key: {{ .credentialsSecret.accessKey | quote }} } }
- { name: CAUSEWAY_S3_SECRET_KEY, value: "file:/etc/causeway/credentials/s3-secret-key" }
{{- if .caSecret.name }}
- { name: CAUSEWAY_S3_CA, value: /etc/causeway/credentials/s3-ca.crt }
{{- end }}
{{- end }}
{{- end }}

{{- define "causeway.environment.receiver" -}}
- { name: CAUSEWAY_DICOM_HOST, value: 0.0.0.0 }
- { name: CAUSEWAY_DICOM_PORT, value: {{ (first .Values.dicom.ports).containerPort | quote }} }
- { name: CAUSEWAY_DRAIN_NOTICE_MS, value: {{ mul .Values.dicom.drainNoticeSeconds 1000 | quote }} }
{{- end }}

{{- define "causeway.environment.database" -}}
- { name: CAUSEWAY_DATABASE_URL, value: {{ include "causeway.databaseUrl" . | quote }} }
{{- if .Values.database.passwordSecret.name }}
- { name: CAUSEWAY_DATABASE_PASSWORD_FILE, value: /etc/causeway/credentials/database-password }
{{- end }}
{{- if .Values.database.caSecret.name }}
- { name: CAUSEWAY_DATABASE_CA, value: /etc/causeway/credentials/database-ca.crt }
{{- end }}
{{- end }}

{{- define "causeway.environment.ledger" -}}
- { name: CAUSEWAY_LEDGER_DAYS, value: {{ .Values.ledger.keepDays | quote }} }
- { name: CAUSEWAY_GRACE_MS, value: {{ mul .Values.ledger.graceSeconds 1000 | quote }} }
- { name: CAUSEWAY_UPKEEP_MS, value: {{ mul .Values.ledger.upkeepSeconds 1000 | quote }} }
{{- end }}

{{- define "causeway.environment.console" -}}
- { name: CAUSEWAY_HTTP_HOST, value: 0.0.0.0 }
- { name: CAUSEWAY_HTTP_PORT, value: "8080" }
- { name: CAUSEWAY_DICOM_PORT, value: {{ (first .Values.dicom.ports).containerPort | quote }} }
- { name: CAUSEWAY_SERVICES, value: {{ include "causeway.opsAddresses" . | quote }} }
- { name: CAUSEWAY_FIRST_PASSWORD_FILE, value: /etc/causeway/credentials/first-password }
{{- with .Values.console.trustedProxies }}
- { name: CAUSEWAY_HTTP_TRUSTED_PROXIES, value: {{ join "," . | quote }} }
{{- end }}
{{- if include "causeway.documentConfigMap" . }}
- { name: CAUSEWAY_CONFIG, value: /etc/causeway/gateway/gateway.yaml }
{{- end }}
{{- end }}

{{/* JSON: service name to the base address of its ops Service, which leads to replicas that are ready: a service counts as ready when one of it is. */}}
{{- define "causeway.opsAddresses" -}}
{{- $addresses := dict -}}
{{- range without (include "causeway.services" . | splitList " ") "console" -}}
{{- $_ := set $addresses . (printf "http://%s-%s:9464" (include "causeway.fullname" $) .) -}}
{{- end -}}
{{- toJson $addresses -}}
{{- end }}
