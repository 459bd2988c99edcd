{{/* What a service's pod mounts. The root file system is read-only. Called with root, service and own. */}}

{{- define "causeway.volumeMounts" -}}
- { name: tmp, mountPath: /tmp }
- { name: spool, mountPath: /spool }
- { name: credentials, mountPath: /etc/causeway/credentials, readOnly: true }
{{- if and (eq .service "console") (include "causeway.documentConfigMap" .root) }}
- { name: gateway, mountPath: /etc/causeway/gateway, readOnly: true }
{{- end }}
{{- range .root.Values.gateway.secretMounts }}
{{- if has $.service .services }}
- { name: secret-{{ .name }}, mountPath: /etc/causeway/secrets/{{ .name }}, readOnly: true }
{{- end }}
{{- end }}
{{- end }}

{{- define "causeway.volumes" -}}
- { name: tmp, emptyDir: { sizeLimit: 256Mi } }
{{ include "causeway.spoolVolume" .own.spool }}
{{ include "causeway.credentialsVolume" . }}
{{- if eq .service "console" }}
{{- with include "causeway.documentConfigMap" .root }}
- name: gateway
  configMap: { name: {{ . | quote }}, items: [{ key: {{ include "causeway.documentKey" $.root | quote }}, path: gateway.yaml }] }
{{- end }}
{{- end }}
{{- range .root.Values.gateway.secretMounts }}
{{- if has $.service .services }}
- { name: secret-{{ .name }}, secret: { secretName: {{ .secret | quote }}, defaultMode: 288 } }
{{- end }}
{{- end }}
{{- end }}

{{- define "causeway.documentKey" -}}
{{ ternary "gateway.yaml" .Values.gateway.existingConfigMap.key (ne .Values.gateway.document "") }}
{{- end }}

{{- define "causeway.spoolVolume" -}}
{{- if .storageClassName -}}
- name: spool
  ephemeral:
    volumeClaimTemplate:
      spec:
        accessModes: [ReadWriteOnce]
        storageClassName: {{ .storageClassName | quote }}
        resources: { requests: { storage: {{ .size | quote }} } }
{{- else -}}
- { name: spool, emptyDir: { sizeLimit: {{ .size | quote }} } }
{{- end }}
{{- end }}

{{/* Secrets as files, each service those it needs; mode 0440 (288) for the group of the pod. The files of changed Secrets change. */}}
{{- define "causeway.credentialsVolume" -}}
{{- with .root.Values -}}
- name: credentials
  projected:
    defaultMode: 288
    sources:
      - secret: { name: {{ .objectStore.credentialsSecret.name | quote }}, items: [{ key: {{ .objectStore.credentialsSecret.secretKey | quote }}, path: s3-secret-key }] }
      {{- if .objectStore.caSecret.name }}
      - secret: { name: {{ .objectStore.caSecret.name | quote }}, items: [{ key: {{ .objectStore.caSecret.key | quote }}, path: s3-ca.crt }] }
      {{- end }}
      {{- if .nats.passwordSecret.name }}
      - secret: { name: {{ .nats.passwordSecret.name | quote }}, items: [{ key: {{ .nats.passwordSecret.key | quote }}, path: nats-password }] }
      {{- end }}
      {{- if .nats.tls.secret }}
      - secret: { name: {{ .nats.tls.secret | quote }}, items: {{ include "causeway.natsTlsItems" .nats.tls }} }
      {{- end }}
      {{- if has $.service (list "ledger" "console") }}
      {{- include "causeway.databaseSources" . | nindent 6 }}
      {{- end }}
      {{- if eq $.service "console" }}
      # Gone once the password is changed: nobody needs it to start.
      - secret: { name: {{ .console.firstPasswordSecret.name | quote }}, optional: true, items: [{ key: {{ .console.firstPasswordSecret.key | quote }}, path: first-password }] }
      {{- end }}
{{- end }}
{{- end }}

{{- define "causeway.natsTlsItems" -}}
{{- $items := list (dict "key" .ca "path" "nats-ca.crt") -}}
{{- if .cert }}{{ $items = concat $items (list (dict "key" .cert "path" "nats-client.crt") (dict "key" .key "path" "nats-client.key")) }}{{ end -}}
{{- toJson $items -}}
{{- end }}

{{- define "causeway.databaseSources" -}}
{{- with .database.passwordSecret }}{{ if .name -}}
- secret: { name: {{ .name | quote }}, items: [{ key: {{ .key | quote }}, path: database-password }] }
{{- end }}{{ end }}
{{- with .database.caSecret }}{{ if .name }}
- secret: { name: {{ .name | quote }}, items: [{ key: {{ .key | quote }}, path: database-ca.crt }] }
{{- end }}{{ end }}
{{- end }}
