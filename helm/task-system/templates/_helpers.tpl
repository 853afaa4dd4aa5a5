{{/*
Fragments, never whole objects. How each is called:

  include "task-system.labels" (list $ "task-api")             labels of an object
  include "task-system.podLabels" "task-api"                   labels of its pods: nothing that changes with the chart
  include "task-system.image" (list $ "task-api")              an image reference
  include "task-system.pod" $                                  what every pod spec starts with
  include "task-system.securityContext" $                      a container under restricted pod security
  include "task-system.env.database" (list $ "urlKey" "NAME")  a variable from the database's Secret; a fourth item, if not
                                                               empty, is a service's own key in it
  include "task-system.delivery" $                             spec.delivery of the Broker and of every Trigger
  include "task-system.kafkaSink" (list $ "tasks.dead-letter") spec of a KafkaSink, for a topic
  include "task-system.typeTrigger" (list $ "task.created")    spec of the Trigger that copies one type into its topic
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
{{- $key := get $database (index . 1) -}}
{{- if gt (len .) 3 -}}
{{- $key = index . 3 | default $key -}}
{{- end -}}
- name: {{ index . 2 }}
  valueFrom:
    secretKeyRef:
      name: {{ $database.secretName | quote }}
      key: {{ $key | quote }}
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

{{- define "task-system.kafkaSink" -}}
{{- $root := index . 0 -}}
topic: {{ index . 1 | quote }}
bootstrapServers:
  {{- range splitList "," $root.Values.kafka.bootstrapServers }}
  - {{ . | quote }}
  {{- end }}
# Attributes as headers, the data byte for byte.
contentMode: binary
# No numPartitions and replicationFactor: with them Knative would delete the topic together with this object.
{{- with $root.Values.kafka.authSecretName }}
auth:
  secret:
    ref:
      name: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "task-system.typeTrigger" -}}
{{- $root := index . 0 -}}
broker: tasks
filters:
  - exact:
      type: {{ index . 1 }}
subscriber:
  ref:
    apiVersion: eventing.knative.dev/v1alpha1
    kind: KafkaSink
    name: {{ index . 1 | replace "." "-" }}
    namespace: {{ $root.Release.Namespace }}
# In full: this replaces the Broker's delivery as a whole.
delivery:
  {{- include "task-system.delivery" $root | nindent 2 }}
{{- end }}

{{- define "task-system.kafka" -}}
{{- if eq .Values.broker.class "Kafka" }}true{{ end -}}
{{- end }}

{{- define "task-system.brokerUrl" -}}
{{- $ingress := ternary "kafka-broker-ingress" "broker-ingress" (eq .Values.broker.class "Kafka") -}}
http://{{ $ingress }}.{{ .Values.broker.eventingNamespace }}.svc.cluster.local/{{ .Release.Namespace }}/tasks
{{- end }}
