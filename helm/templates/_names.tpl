{{/* Names and labels. */}}

{{/* The seven services, in the order of an image's way. */}}
{{- define "causeway.services" -}}
receiver compressor router uploader retriever ledger console
{{- end }}

{{/* What the names of all objects begin with. 40 characters leave room for what follows. */}}
{{- define "causeway.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $own := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $own .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Whom selectors choose: all pods of this release's gateway, and not those of bundled charts. */}}
{{- define "causeway.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of every object. */}}
{{- define "causeway.labels" -}}
{{ include "causeway.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/part-of: causeway
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- end }}

{{- define "causeway.image" -}}
{{- $digest := ternary (printf "@%s" .Values.image.digest) "" (ne .Values.image.digest "") -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ $digest }}
{{- end }}

{{/* Addresses: those given, or those of the bundled charts. */}}
{{- define "causeway.natsUrl" -}}
{{- $bundled := index .Values "bundled-nats" -}}
{{- .Values.nats.url | default (printf "nats://%s:4222" $bundled.fullnameOverride) -}}
{{- end }}

{{- define "causeway.objectStoreEndpoint" -}}
{{- $bundled := index .Values "bundled-minio" -}}
{{- .Values.objectStore.endpoint | default (printf "http://%s:9000" $bundled.fullnameOverride) -}}
{{- end }}

{{- define "causeway.databaseUrl" -}}
{{- $bundled := index .Values "bundled-postgres" -}}
{{- $initdb := $bundled.cluster.initdb -}}
{{- .Values.database.url | default (printf "postgres://%s@%s-rw:5432/%s" $initdb.owner $bundled.fullnameOverride $initdb.database) -}}
{{- end }}

{{/* Whether the gateway document comes from a file. */}}
{{- define "causeway.documentConfigMap" -}}
{{- if .Values.gateway.document }}{{ include "causeway.fullname" . }}-gateway{{ else }}{{ .Values.gateway.existingConfigMap.name }}{{ end -}}
{{- end }}
