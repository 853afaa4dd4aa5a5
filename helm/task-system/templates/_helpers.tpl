{{/*
Fragments, never whole objects. How each is called:

  include "task-system.labels" (list $ "task-api")             labels of an object
  include "task-system.podLabels" "task-api"                   labels of its pods: nothing that changes with the chart
  include "task-system.image" (list $ "task-api")              an image reference
  include "task-system.pod" $                                  what every pod spec starts with
  include "task-system.securityContext" $                      a container under restricted pod security
  include "task-system.env.database" (list $ "urlKey" "NAME")  a variable from the database's Secret
  include "task-system.delivery" $                             spec.delivery of the Broker and of every Trigger
  include "task-system.kafka" $                                "true" with broker class Kafka, else empty
  include "task-system.brokerUrl" $                            where events are posted
*/}}

{{- define "task-system.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/part-of: task-system
{{- if $root.Values.helmLabels }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}
{{- end }}

{{- define "task-system.podLabels" -}}
app.kubernetes.io/name: {{ . }}
app.kubernetes.io/part-of: task-system
{{- end }}

{{- define "task-system.image" -}}
{{- $image := (index . 0).Values.image -}}
{{ $image.registry }}/{{ index . 1 }}:{{ $image.tag }}
{{- end }}

{{- define "task-system.pod" -}}
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "task-system.securityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
runAsGroup: 10001
runAsNonRoot: true
runAsUser: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "task-system.env.database" -}}
{{- $database := (index . 0).Values.database -}}
- name: {{ index . 2 }}
  valueFrom:
    secretKeyRef:
      name: {{ $database.secretName | quote }}
      key: {{ get $database (index . 1) | quote }}
      {{- if eq (index . 1) "directUrlKey" }}
      optional: true
      {{- end }}
{{- end }}

{{- define "task-system.delivery" -}}
{{- with .Values.delivery -}}
retry: {{ .retry }}
backoffPolicy: {{ .backoffPolicy }}
backoffDelay: {{ .backoffDelay }}
timeout: {{ .timeout }}
{{- end }}
{{ with .Values.deadLetter -}}
deadLetterSink:
{{- if include "task-system.kafka" $ }}
  ref:
    apiVersion: eventing.knative.dev/v1alpha1
    kind: KafkaSink
    name: dead-letter
    namespace: {{ $.Release.Namespace }}
{{- else if .service }}
  ref:
    apiVersion: v1
    kind: Service
    name: {{ .service | quote }}
    namespace: {{ $.Release.Namespace }}
{{- else }}
  uri: {{ .uri | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "task-system.kafka" -}}
{{- if eq .Values.broker.class "Kafka" }}true{{ end -}}
{{- end }}

{{- define "task-system.brokerUrl" -}}
{{- $ingress := ternary "kafka-broker-ingress" "broker-ingress" (eq .Values.broker.class "Kafka") -}}
http://{{ $ingress }}.{{ .Values.broker.eventingNamespace }}.svc.cluster.local/{{ .Release.Namespace }}/tasks
{{- end }}
