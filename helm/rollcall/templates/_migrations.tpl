{{/*
The migrate Job's spec. The Job's name contains a hash of it, because the pod template of a Job is immutable. It must
therefore contain nothing that changes without a reason, such as the chart's version or a time. Takes `context` and
`image`.
*/}}
{{- define "rollcall.migrations.spec" -}}
{{- $owner := include "rollcall.database.ownerSecret" .context -}}
{{- $service := include "rollcall.database.secret" .context -}}
backoffLimit: {{ .context.Values.migrations.backoffLimit | int64 }}
activeDeadlineSeconds: {{ .context.Values.migrations.activeDeadlineSeconds | int64 }}
{{- if not (kindIs "invalid" .context.Values.migrations.ttlSecondsAfterFinished) }}
ttlSecondsAfterFinished: {{ .context.Values.migrations.ttlSecondsAfterFinished | int64 }}
{{- end }}
template:
  metadata:
    labels:
      {{- include "rollcall.selectorLabels" (dict "context" .context "component" "migrate") | nindent 6 }}
      {{- with .context.Values.migrations.podLabels }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with .context.Values.migrations.podAnnotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    {{- include "rollcall.pod.common" (dict "context" .context "user" 65532) | nindent 4 }}
    # Not OnFailure: each failed attempt keeps its pod and the pod's log.
    restartPolicy: Never
    containers:
      - name: migrate
        image: {{ .image | quote }}
        imagePullPolicy: {{ .context.Values.image.pullPolicy }}
        args:
          - migrate
          - --timeout
          - "300"
        env:
          {{- include "rollcall.database.env" (dict "context" .context "secret" $owner) | nindent 10 }}
          {{- if ne $owner $service }}
          # The Job's role owns the tables, and grants the pods' role what it needs.
          - name: DATABASE_APP_ROLE
            valueFrom:
              secretKeyRef:
                name: {{ $service }}
                key: username
          {{- end }}
        resources:
          requests:
            cpu: 50m
            memory: 32Mi
          limits:
            memory: 128Mi
        securityContext:
          {{- include "rollcall.container.securityContext" . | nindent 10 }}
        {{- if include "rollcall.database.authority" .context }}
        volumeMounts:
          - name: authority
            mountPath: /etc/rollcall/database
            readOnly: true
        {{- end }}
    {{- with include "rollcall.database.authority" .context }}
    volumes:
      - name: authority
        {{- . | nindent 8 }}
    {{- end }}
{{- end -}}

{{/*
The Job's name: the last migration and a hash of the Job's spec. At most 63 characters; the first part is shortened to
make room for the suffix. Takes `context` and `image`.
*/}}
{{- define "rollcall.migrations.name" -}}
{{- $suffix := .context.Values.migrations.nameSuffix -}}
{{- $end := $suffix | empty | ternary "" (printf "-%s" $suffix) -}}
{{- $version := index .context.Chart.Annotations "rollcall/last-migration" -}}
{{- $rest := printf "-migrate-%s-%s%s" $version (include "rollcall.migrations.spec" . | sha256sum | trunc 8) $end -}}
{{- $fullname := include "rollcall.fullname" .context -}}
{{- printf "%s%s" ($fullname | trunc (min 30 (sub 63 (len $rest)) | int) | trimSuffix "-") $rest -}}
{{- end -}}
