{{/*
The database's host, by `database.mode`. CloudNativePG creates the Services of a `Cluster`.
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
The read replica's host, or an empty string.
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
{{- fail "With database.mode=cnpg leave database.password and database.existingSecret empty: CloudNativePG creates the Secret." -}}
{{- end -}}
{{- with .Values.database.cnpg.serviceRole -}}
{{- if ne (empty .name) (empty .existingSecret) -}}
{{- fail "database.cnpg.serviceRole needs both a name and an existingSecret, or neither." -}}
{{- end -}}
{{- .existingSecret | default (printf "%s-app" $name) -}}
{{- end -}}
{{- else -}}
{{- .Values.database.existingSecret | default $name -}}
{{- end -}}
{{- end -}}

{{/*
The Secret with the role that owns the tables, and its password. It is the service's Secret if there is only one role.
*/}}
{{- define "rollcall.database.ownerSecret" -}}
{{- if .Values.migrations.existingSecret -}}
{{- .Values.migrations.existingSecret -}}
{{- else if eq .Values.database.mode "cnpg" -}}
{{- printf "%s-database-app" (include "rollcall.fullname" .) -}}
{{- else -}}
{{- include "rollcall.database.secret" . -}}
{{- end -}}
{{- end -}}

{{/*
The volume source of the certificate authority's Secret or ConfigMap; empty if there is none.
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
{{- fail "database.external.sslRootCert has both a secret and a configMap. Leave one of them empty." -}}
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
The database variables of a container. Takes `context` and `secret`, the name of the role's Secret.
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
  {{- /* CloudNativePG's certificates contain the Services' names; the bundled database has no certificate. */}}
  value: {{ dict "bundled" "disable" "cnpg" "verify-full" | dig .context.Values.database.mode .context.Values.database.external.sslmode }}
{{- if include "rollcall.database.authority" .context }}
- name: DATABASE_SSLROOTCERT
  value: /etc/rollcall/database/ca.crt
{{- else if and (eq .context.Values.database.mode "external") (eq .context.Values.database.external.sslmode "verify-full") }}
- name: DATABASE_SSLROOTCERT
  value: system
{{- end }}
{{- end -}}
