{{/*
The prefix of all objects' names. At most 41 characters: the longest suffix is `-database`, and CloudNativePG limits a
Cluster's name to 50. A longer prefix is truncated and gets a hash, so that it stays unique.
*/}}
{{- define "rollcall.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := .Values.fullnameOverride -}}
{{- if not $full -}}
{{- $full = contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- /* A release's name may contain dots, a Service's name may not. */ -}}
{{- $full = replace "." "-" $full -}}
{{- if gt (len $full) 41 -}}
{{- $full = printf "%s-%s" ($full | trunc 32 | trimSuffix "-") (sha256sum $full | trunc 8) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]" $full) -}}
{{- fail (printf "A Service's name must begin with a letter, and %q does not. Set fullnameOverride." $full) -}}
{{- end -}}
{{- $full -}}
{{- end -}}

{{/*
The labels of an object's selector. They must not change between upgrades. Takes `context` and `component`.
*/}}
{{- define "rollcall.selectorLabels" -}}
app.kubernetes.io/name: {{ .context.Values.nameOverride | default .context.Chart.Name }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/*
A selector for objects of this release. Takes `context` and the list `components`.
*/}}
{{- define "rollcall.selector" -}}
matchLabels:
  app.kubernetes.io/name: {{ .context.Values.nameOverride | default .context.Chart.Name }}
  app.kubernetes.io/instance: {{ .context.Release.Name }}
matchExpressions:
  - key: app.kubernetes.io/component
    operator: In
    values:
      {{- toYaml .components | nindent 6 }}
{{- end -}}

{{/*
An object's labels. Takes `context` and `component`.
*/}}
{{- define "rollcall.labels" -}}
{{ include "rollcall.selectorLabels" . }}
app.kubernetes.io/version: {{ .context.Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{/*
The image reference. Takes `context`, and `image` with a tag and a digest.
*/}}
{{- define "rollcall.image" -}}
{{- $tag := .image.tag -}}
{{- /* A number in a values file is a float, which would be printed with an exponent. */ -}}
{{- if kindIs "float64" $tag -}}
{{- $tag = int64 $tag -}}
{{- end -}}
{{- printf "%s:%s" .context.Values.image.repository ($tag | toString | default .context.Chart.AppVersion) -}}
{{- with .image.digest -}}
{{- printf "@%s" . -}}
{{- end -}}
{{- end -}}
