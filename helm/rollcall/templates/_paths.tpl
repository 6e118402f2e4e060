{{/*
The paths that an Ingress or a route exposes, as JSON. Takes its values.
*/}}
{{- define "rollcall.paths" -}}
{{- $paths := .paths -}}
{{- with .path -}}
{{- $paths = list . -}}
{{- end -}}
{{- toJson $paths -}}
{{- end -}}
