{{/*
Rules of NetworkPolicies. A port is a pod's own, not its Service's.

  include "task-system.network.namespace" "monitoring"         one peer: every pod of a namespace
  include "task-system.network.place" .Values.x                peers: pods of .namespace and .podSelector, or .cidrs, at .port
  include "task-system.network.fromKnative" $                  ingress rules of a function's pods
  include "task-system.network.dns" $                          egress rule to the cluster's DNS
  include "task-system.network.database" $                     egress rule to PostgreSQL
  include "task-system.network.issuer" $                       egress rule to the issuer of the users' tokens
  include "task-system.network.otlp" $                         egress rule to the collector, where there is one
*/}}

{{- define "task-system.network.namespace" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end }}

{{- define "task-system.network.place" -}}
{{- if and .cidrs (not .namespace) }}
{{- range splitList "," .cidrs }}
- ipBlock:
    cidr: {{ . | quote }}
    {{- if eq . "0.0.0.0/0" }}
    # The public internet: not the cluster, not the networks beside it, and no metadata service of a cloud.
    except: [10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
    {{- end }}
{{- end }}
{{- else }}
{{- if .namespace }}
{{ include "task-system.network.namespace" .namespace }}
{{- else }}
- namespaceSelector: {}
{{- end }}
{{- with .podSelector }}
  podSelector:
    matchLabels:
      {{- range splitList "," . }}
      {{ (splitn "=" 2 .)._0 | quote }}: {{ (splitn "=" 2 .)._1 | quote }}
      {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "task-system.network.fromKnative" -}}
{{- $serving := .Values.networkPolicy.servingNamespace -}}
# Requests come from Knative's gateway, or from its activator, and only to the queue-proxy in front of the process.
- from:
    {{- range list $serving .Values.edge.kourier.namespace | uniq }}
    {{- include "task-system.network.namespace" . | nindent 4 }}
    {{- end }}
  ports:
    - port: 8012
    - port: 8013
# The queue-proxy's own doors: administration, and the numbers the autoscaler reads.
- from:
    {{- include "task-system.network.namespace" $serving | nindent 4 }}
  ports:
    - port: 8022
    - port: 9090
{{- end }}

{{- define "task-system.network.dns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchExpressions:
          # CoreDNS bears the first name everywhere; the second is a cache on the node.
          - {key: k8s-app, operator: In, values: [kube-dns, node-local-dns]}
  ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{- define "task-system.network.database" -}}
# PostgreSQL.
- to:
    {{- include "task-system.network.place" .Values.networkPolicy.database | trim | nindent 4 }}
  ports:
    - port: {{ .Values.networkPolicy.database.port }}
{{- end }}

{{- define "task-system.network.issuer" -}}
# The issuer, for its keys.
- to:
    {{- if contains "//dev-issuer." .Values.oidc.issuer }}
    - podSelector:
        matchLabels:
          {{- include "task-system.podLabels" "dev-issuer" | nindent 10 }}
  ports:
    - port: 8080
    {{- else }}
    {{- include "task-system.network.place" .Values.networkPolicy.issuer | trim | nindent 4 }}
  ports:
    - port: {{ .Values.networkPolicy.issuer.port }}
    {{- end }}
{{- end }}

{{- define "task-system.network.otlp" -}}
{{- if .Values.monitoring.otlpEndpoint -}}
# The collector of traces.
- to:
    {{- include "task-system.network.place" .Values.networkPolicy.otlp | trim | nindent 4 }}
  ports:
    - port: {{ .Values.networkPolicy.otlp.port }}
{{- end }}
{{- end }}
