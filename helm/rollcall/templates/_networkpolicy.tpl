{{/*
For each policy: its components, and the connections allowed from and to them. The kubelet's probes need no rule.
*/}}
{{- define "rollcall.networkPolicy.rules" -}}
service:
  components: [service, canary]
  ingress:
    - ports:
        - port: 8000
      {{- with .Values.networkPolicy.from }}
      from:
        {{- toYaml . | nindent 8 }}
        - podSelector:
            {{- include "rollcall.selector" (dict "context" $ "components" (list "test")) | nindent 12 }}
      {{- end }}
    {{- if or .Values.networkPolicy.metricsFrom (not .Values.networkPolicy.from) }}
    - ports:
        - port: {{ .Values.metrics.port }}
      {{- with .Values.networkPolicy.metricsFrom }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
  egress:
    {{- include "rollcall.networkPolicy.dns" . | nindent 4 }}
    {{- include "rollcall.networkPolicy.database" . | nindent 4 }}
migrate:
  components: [migrate, retention]
  ingress: []
  egress:
    {{- include "rollcall.networkPolicy.dns" . | nindent 4 }}
    {{- include "rollcall.networkPolicy.database" . | nindent 4 }}
test:
  components: [test]
  ingress: []
  egress:
    {{- include "rollcall.networkPolicy.dns" . | nindent 4 }}
    - ports:
        - port: 8000
      to:
        - podSelector:
            {{- include "rollcall.selector" (dict "context" . "components" (list "service")) | nindent 12 }}
{{- if eq .Values.database.mode "bundled" }}
database:
  components: [database]
  ingress:
    - ports:
        - port: 5432
      from:
        - podSelector:
            {{- include "rollcall.selector" (dict "context" . "components" (list "service" "canary" "migrate" "retention")) | nindent 12 }}
  egress: []
{{- end }}
{{- end -}}

{{/*
DNS, from any address: a cache on the node does not have the cluster DNS Service's address.
*/}}
{{- define "rollcall.networkPolicy.dns" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end -}}

{{- define "rollcall.networkPolicy.database" -}}
- ports:
    {{- $ports := list (include "rollcall.database.port" .) }}
    {{- if include "rollcall.database.readHost" . }}
    {{- $ports = append $ports (include "rollcall.database.readPort" .) | uniq }}
    {{- end }}
    {{- range $ports }}
    - port: {{ . }}
    {{- end }}
  {{- if eq .Values.database.mode "bundled" }}
  to:
    - podSelector:
        {{- include "rollcall.selector" (dict "context" . "components" (list "database")) | nindent 8 }}
  {{- else if eq .Values.database.mode "cnpg" }}
  to:
    - podSelector:
        matchLabels:
          cnpg.io/cluster: {{ include "rollcall.fullname" . }}-database
  {{- else if .Values.networkPolicy.databaseTo }}
  to:
    {{- toYaml .Values.networkPolicy.databaseTo | nindent 4 }}
  {{- end }}
{{- end -}}
