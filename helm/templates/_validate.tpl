{{/* What values.schema.json cannot say: values that have to agree with each other. Each refusal says what to change. */}}

{{- define "causeway.validate" -}}
{{- include "causeway.validate.addresses" . -}}
{{- include "causeway.validate.draining" . -}}
{{- include "causeway.validate.document" . -}}
{{- include "causeway.validate.reach" . -}}
{{- include "causeway.validate.autoscaling" . -}}
{{- end }}

{{- define "causeway.validate.addresses" -}}
{{- $pairs := dict "nats.url" (list .Values.nats.url "bundled-nats") "objectStore.endpoint" (list .Values.objectStore.endpoint "bundled-minio") "database.url" (list .Values.database.url "bundled-postgres") -}}
{{- range $value, $pair := $pairs -}}
{{- $isBundled := (index $.Values (last $pair)).enabled -}}
{{- if and (not (first $pair)) (not $isBundled) }}{{ fail (printf "%s is missing: give the address of yours, or set %s.enabled" $value (last $pair)) }}{{ end -}}
{{- if and (first $pair) $isBundled }}{{ fail (printf "%s and %s.enabled: only one of them" $value (last $pair)) }}{{ end -}}
{{- end -}}
{{- if and .Values.nats.tls.secret (ne (empty .Values.nats.tls.cert) (empty .Values.nats.tls.key)) }}{{ fail "nats.tls.cert and nats.tls.key go together" }}{{ end -}}
{{- end }}

{{/* A killed drain costs the modality its association: three seconds are what a service takes to close after its drain, two are spare. */}}
{{- define "causeway.validate.draining" -}}
{{- range $service := include "causeway.services" . | splitList " " -}}
{{- $own := index $.Values.services $service -}}
{{- $least := add $own.preStopSeconds $own.drainSeconds 5 -}}
{{- if lt (int64 $own.terminationGracePeriodSeconds) $least }}{{ fail (printf "services.%s.terminationGracePeriodSeconds is %d: it has to be at least preStopSeconds + drainSeconds + 5 = %d, or the kubelet kills what is still draining" $service (int64 $own.terminationGracePeriodSeconds) $least) }}{{ end -}}
{{- end -}}
{{- $drain := int64 .Values.services.receiver.drainSeconds -}}
{{- $longest := int64 .Values.dicom.longestAssociationSeconds -}}
{{- if le $drain $longest }}{{ fail (printf "services.receiver.drainSeconds is %d: it has to be longer than dicom.longestAssociationSeconds (%d), or a restart cuts associations" $drain $longest) }}{{ end -}}
{{- if ge (int64 .Values.dicom.drainNoticeSeconds) $drain }}{{ fail "dicom.drainNoticeSeconds has to be shorter than services.receiver.drainSeconds: it is a part of it" }}{{ end -}}
{{- end }}

{{/* Only a document given here can be looked into. */}}
{{- define "causeway.validate.document" -}}
{{- with .Values.gateway -}}
{{- if and .document .existingConfigMap.name }}{{ fail "gateway.document and gateway.existingConfigMap: only one of them" }}{{ end -}}
{{- $document := fromYaml .document -}}
{{- if hasKey $document "Error" }}{{ fail (printf "gateway.document is not YAML: %s" $document.Error) }}{{ end -}}
{{- $ports := list -}}
{{- range $.Values.dicom.ports }}{{ $ports = append $ports (int .containerPort) }}{{ end -}}
{{- range $document.listeners -}}
{{- $port := int (.port | default (ternary 2762 (first $ports) (hasKey . "tls"))) -}}
{{- if not (has $port $ports) }}{{ fail (printf "listener %s of gateway.document has port %d, which no containerPort of dicom.ports is: nobody could reach it" .id $port) }}{{ end -}}
{{- $isProxied := eq $.Values.dicom.sourceAddress "proxyProtocol" -}}
{{- if ne $isProxied (default false .proxyProtocol) }}{{ fail (printf "listener %s of gateway.document has proxyProtocol: %t, but dicom.sourceAddress is %s: they have to agree, or no association is understood" .id (default false .proxyProtocol) $.Values.dicom.sourceAddress) }}{{ end -}}
{{- end -}}
{{- if and .document (not $document.listeners) (eq $.Values.dicom.sourceAddress "proxyProtocol") }}{{ fail "dicom.sourceAddress is proxyProtocol: gateway.document needs listeners with proxyProtocol: true" }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "causeway.validate.reach" -}}
{{- if and (eq .Values.dicom.sourceAddress "proxyProtocol") .Values.networkPolicy.enabled (not .Values.networkPolicy.dicomFrom) }}{{ fail "dicom.sourceAddress is proxyProtocol: networkPolicy.dicomFrom has to name the balancer, since whoever reaches the port may claim any address" }}{{ end -}}
{{- with .Values.console.ingress -}}
{{- if and .enabled (or (not .host) (not .tlsSecret)) }}{{ fail "console.ingress needs host and tlsSecret: passwords and images go through it" }}{{ end -}}
{{- if and .enabled $.Values.networkPolicy.enabled (not $.Values.networkPolicy.consoleFrom) }}{{ fail "console.ingress is enabled: networkPolicy.consoleFrom has to name the ingress controller's pods, or it cannot reach the page" }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "causeway.validate.autoscaling" -}}
{{- range $service, $own := omit .Values.autoscaling "prometheusAddress" -}}
{{- if and $own.enabled (gt (int $own.minReplicas) (int $own.maxReplicas)) }}{{ fail (printf "autoscaling.%s: minReplicas is more than maxReplicas" $service) }}{{ end -}}
{{- if and $own.enabled (ne $service "receiver") (not $.Values.autoscaling.prometheusAddress) }}{{ fail (printf "autoscaling.%s needs autoscaling.prometheusAddress: KEDA asks Prometheus how much waits" $service) }}{{ end -}}
{{- end -}}
{{- end }}

{{/* Non-empty when something else than `replicas` decides how many there are. Called with root and service. */}}
{{- define "causeway.isAutoscaled" -}}
{{- with index .root.Values.autoscaling .service }}{{ if .enabled }}true{{ end }}{{ end -}}
{{- end }}
