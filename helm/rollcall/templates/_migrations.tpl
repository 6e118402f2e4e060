{{/*
The migrate Job's spec. All of it that can change is in the hash in the Job's name, since Kubernetes does not let a
Job's pods be changed; so it must have nothing in it that changes without need: no version of the chart, no time.
Takes `context` and `image`.
*/}}
{{- define "rollcall.migrations.spec" -}}
{{- $own := .context.Values.migrations.existingSecret -}}
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
    # Not OnFailure: each failed try keeps its pod, and with it its log.
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
          {{- include "rollcall.database.env" (dict "context" .context "secret" ($own | default (include "rollcall.database.secret" .context))) | nindent 10 }}
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
The Job's name: what it brings the schema to, and a hash of how. At most 30 + 9 + 14 + 9 characters, and a suffix takes
its room from the first part. Takes `context` and `image`.
*/}}
{{- define "rollcall.migrations.name" -}}
{{- $suffix := .context.Values.migrations.nameSuffix -}}
{{- $end := $suffix | empty | ternary "" (printf "-%s" $suffix) -}}
{{- $version := index .context.Chart.Annotations "rollcall/last-migration" -}}
{{- $rest := printf "-migrate-%s-%s%s" $version (include "rollcall.migrations.spec" . | sha256sum | trunc 8) $end -}}
{{- $fullname := include "rollcall.fullname" .context -}}
{{- printf "%s%s" ($fullname | trunc (min 30 (sub 63 (len $rest)) | int) | trimSuffix "-") $rest -}}
{{- end -}}
