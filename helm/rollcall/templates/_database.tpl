{{/*
Where the database is, by `database.mode`. The operator makes the Services of a `Cluster`.
*/}}
{{- define "rollcall.database.host" -}}
{{- $name := printf "%s-database" (include "rollcall.fullname" .) -}}
{{- if eq .Values.database.mode "bundled" -}}
{{- $name -}}
{{- else if eq .Values.database.mode "cnpg" -}}
{{- printf "%s-rw" $name -}}
{{- else -}}
{{- required "database.external.host is required with database.mode=external." .Values.database.external.host -}}
{{- end -}}
{{- end -}}

{{- define "rollcall.database.port" -}}
{{- eq .Values.database.mode "external" | ternary .Values.database.external.port 5432 | int -}}
{{- end -}}

{{/*
The read replica's host, or nothing.
*/}}
{{- define "rollcall.database.readHost" -}}
{{- if eq .Values.database.mode "external" -}}
{{- .Values.database.external.readReplica.host -}}
{{- else if and (eq .Values.database.mode "cnpg") .Values.database.cnpg.readFromReplicas -}}
{{- printf "%s-database-ro" (include "rollcall.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "rollcall.database.readPort" -}}
{{- $own := eq .Values.database.mode "external" | ternary .Values.database.external.readReplica.port nil -}}
{{- $own | default (include "rollcall.database.port" .) | int -}}
{{- end -}}

{{/*
The Secret with the service's role and password.
*/}}
{{- define "rollcall.database.secret" -}}
{{- $name := printf "%s-database" (include "rollcall.fullname" .) -}}
{{- if eq .Values.database.mode "cnpg" -}}
{{- if or .Values.database.existingSecret .Values.database.password -}}
{{- fail "With database.mode=cnpg leave database.password and database.existingSecret empty: CloudNativePG makes them." -}}
{{- end -}}
{{- printf "%s-app" $name -}}
{{- else -}}
{{- .Values.database.existingSecret | default $name -}}
{{- end -}}
{{- end -}}

{{/*
The Secret or ConfigMap with the authority's certificate, as a volume's source; nothing if there is none.
*/}}
{{- define "rollcall.database.authority" -}}
{{- $from := .Values.database.external.sslRootCert -}}
{{- if eq .Values.database.mode "cnpg" -}}
secret:
  secretName: {{ include "rollcall.fullname" . }}-database-ca
  items:
    - key: ca.crt
      path: ca.crt
{{- else if and (eq .Values.database.mode "external") (and $from.secret $from.configMap) -}}
{{- fail "database.external.sslRootCert is either in a secret or in a configMap. Leave one of them empty." -}}
{{- else if and (eq .Values.database.mode "external") $from.secret -}}
secret:
  secretName: {{ $from.secret }}
  items:
    - key: {{ $from.key }}
      path: ca.crt
{{- else if and (eq .Values.database.mode "external") $from.configMap -}}
configMap:
  name: {{ $from.configMap }}
  items:
    - key: {{ $from.key }}
      path: ca.crt
{{- end -}}
{{- end -}}

{{/*
How a container finds the database. Takes `context` and the `secret` with the role.
*/}}
{{- define "rollcall.database.env" -}}
- name: DATABASE_HOSTNAME
  value: {{ include "rollcall.database.host" .context | quote }}
- name: DATABASE_PORT
  value: {{ include "rollcall.database.port" .context | quote }}
- name: DATABASE_NAME
  value: {{ .context.Values.database.name | quote }}
- name: DATABASE_USER
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: username
- name: DATABASE_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: password
- name: DATABASE_SSLMODE
  {{- /* The operator's certificates name the Services; the bundled database has none. */}}
  value: {{ dict "bundled" "disable" "cnpg" "verify-full" | dig .context.Values.database.mode .context.Values.database.external.sslmode }}
{{- if include "rollcall.database.authority" .context }}
- name: DATABASE_SSLROOTCERT
  value: /etc/rollcall/database/ca.crt
{{- else if and (eq .context.Values.database.mode "external") (eq .context.Values.database.external.sslmode "verify-full") }}
- name: DATABASE_SSLROOTCERT
  value: system
{{- end }}
{{- end -}}
