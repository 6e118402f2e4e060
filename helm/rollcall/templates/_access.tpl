{{/*
`open` or `token`. Without `access.mode` it is `token`. An upgrade of a release that is open would then refuse every gate
that sends no token, so it fails. Charts before 0.2.0 did not set the variable, and their service was open.
*/}}
{{- define "rollcall.access.mode" -}}
{{- if .Values.access.mode -}}
{{- .Values.access.mode -}}
{{- else -}}
{{- with lookup "apps/v1" "Deployment" .Release.Namespace (include "rollcall.fullname" .) -}}
{{- $running := "open" -}}
{{- range .spec.template.spec.containers -}}
{{- range .env -}}
{{- if eq .name "ROLLCALL_ACCESS" -}}
{{- $running = .value -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if ne $running "token" -}}
{{- fail "access.mode is not set, and its default is `token`. The running release is open: gates that send no token would be refused. Set access.mode=open to upgrade without a change for the gates, or access.mode=token once every gate sends a token. docs/OPERATIONS.md describes it under 'From open access to tokens'." -}}
{{- end -}}
{{- end -}}
token
{{- end -}}
{{- end -}}

{{/*
The Secret with the token of the admin `env`, or an empty string.
*/}}
{{- define "rollcall.access.secret" -}}
{{- if .Values.access.existingSecret -}}
{{- .Values.access.existingSecret -}}
{{- else if eq .Values.database.mode "bundled" -}}
{{- printf "%s-access" (include "rollcall.fullname" .) -}}
{{- end -}}
{{- end -}}
