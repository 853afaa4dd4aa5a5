{{/*
  include "task-system.monitoring.labels" (list $ "name")   labels of an object the Prometheus operator has to find
  include "task-system.env.otlp" $                          where a function sends its traces
*/}}

{{- define "task-system.monitoring.labels" -}}
{{- include "task-system.labels" . }}
{{- range (index . 0).Values.monitoring.labels }}
{{ .name | quote }}: {{ .value | quote }}
{{- end }}
{{- end }}

{{- define "task-system.env.otlp" -}}
{{- with .Values.monitoring.otlpEndpoint -}}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end }}
