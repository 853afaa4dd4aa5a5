{{/*
  include "task-system.publicUrl" $                     the address clients use, empty where nobody said one
  include "task-system.edge.annotations" (list $ 65)    annotations of an Ingress whose answers may take that many seconds
  include "task-system.edge.issuer" (list $ "name" "directory URL" "CA bundle")   spec of an ACME ClusterIssuer
*/}}

{{- define "task-system.publicUrl" -}}
{{- if .Values.taskApi.publicUrl }}
{{- .Values.taskApi.publicUrl }}
{{- else if .Values.edge.enabled }}
{{- printf "https://%s" .Values.edge.apiHost }}
{{- end }}
{{- end }}

{{- define "task-system.edge.annotations" -}}
{{- $edge := (index . 0).Values.edge -}}
cert-manager.io/cluster-issuer: {{ $edge.tls.issuer }}
# The challenge becomes a path of this Ingress: NGINX gives a host to one Ingress, and one of its own would lose it.
acme.cert-manager.io/http01-edit-in-place: "true"
# Until the real one is there; without any NGINX refuses the handshake, and the redirected challenge with it.
cert-manager.io/issue-temporary-certificate: "true"
{{- if contains "nginx" $edge.ingressClassName }}
nginx.org/client-max-body-size: {{ $edge.maxBodySize }}
nginx.org/proxy-connect-timeout: {{ $edge.timeouts.connectSeconds }}s
nginx.org/proxy-read-timeout: {{ index . 1 }}s
nginx.org/proxy-send-timeout: {{ index . 1 }}s
nginx.org/server-tokens: "False"
nginx.org/ssl-redirect: {{ $edge.httpsRedirect | toString | title | quote }}
{{- with $edge.hsts }}
{{- if .enabled }}
nginx.org/hsts: "True"
nginx.org/hsts-max-age: {{ .maxAgeSeconds | int64 | quote }}
nginx.org/hsts-include-subdomains: {{ .includeSubdomains | toString | title | quote }}
{{- end }}
{{- end }}
{{- with $edge.rateLimit }}
{{- if .enabled }}
nginx.org/limit-req-key: ${binary_remote_addr}
nginx.org/limit-req-zone-size: 10m
nginx.org/limit-req-rate: {{ .requestsPerSecond }}r/s
nginx.org/limit-req-burst: {{ .burst | quote }}
nginx.org/limit-req-no-delay: "True"
nginx.org/limit-req-reject-code: "429"
{{- end }}
{{- end }}
{{- end }}
{{- range $edge.annotations }}
{{ .name | quote }}: {{ .value | quote }}
{{- end }}
{{- end }}

{{- define "task-system.edge.issuer" -}}
{{- $edge := (index . 0).Values.edge -}}
acme:
  server: {{ index . 2 }}
  email: {{ $edge.tls.email | quote }}
  {{- with index . 3 }}
  caBundle: {{ . }}
  {{- end }}
  privateKeySecretRef:
    name: {{ index . 1 }}-account
  solvers:
    - http01:
        ingress:
          ingressClassName: {{ $edge.ingressClassName }}
          serviceType: ClusterIP # the default is NodePort: a door in every node
{{- end }}
