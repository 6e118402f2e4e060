{{/*
A Service for a Deployment. Takes `context`, `name` and `component`.
*/}}
{{- define "rollcall.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  labels:
    {{- include "rollcall.labels" . | nindent 4 }}
  {{- with .context.Values.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .context.Values.service.type }}
  ports:
    - name: http
      port: {{ .context.Values.service.port }}
      targetPort: http
  selector:
    {{- include "rollcall.selectorLabels" . | nindent 4 }}
{{- end -}}

{{- define "rollcall.canary.name" -}}
{{- printf "%s-canary" (include "rollcall.fullname" .) -}}
{{- end -}}
