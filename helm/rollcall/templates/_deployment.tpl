{{/*
A Deployment of the service. Takes `context`, `name`, `component`, `image` and `replicas`. The field `replicas` is
omitted if it is nil.
*/}}
{{- define "rollcall.deployment" -}}
{{- $values := .context.Values -}}
{{- $authority := include "rollcall.database.authority" .context -}}
{{- $secret := include "rollcall.database.secret" .context -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels:
    {{- include "rollcall.labels" . | nindent 4 }}
spec:
  {{- if not (kindIs "invalid" .replicas) }}
  replicas: {{ .replicas }}
  {{- end }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      {{- include "rollcall.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "rollcall.selectorLabels" . | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "rollcall.pod.common" (dict "context" .context "user" 65532) | nindent 6 }}
      # The preStop pause, the drain of idle connections and the longest time of a request, with a margin.
      terminationGracePeriodSeconds: {{ max 30 (add $values.database.timeoutSeconds 15) }}
      topologySpreadConstraints:
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - topologyKey: {{ . }}
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "rollcall.selectorLabels" $ | nindent 14 }}
          # Only pods of the same revision count: the old ones are being removed.
          matchLabelKeys:
            - pod-template-hash
        {{- end }}
      initContainers:
        # Whatever applies the migrations, a pod starts only after its schema is complete.
        - name: wait-for-schema
          image: {{ .image | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          args:
            - wait-for-schema
            - --timeout
            - "600"
          env:
            {{- include "rollcall.database.env" (dict "context" .context "secret" $secret) | nindent 12 }}
          resources:
            requests:
              cpu: 50m
              memory: 32Mi
            limits:
              memory: 128Mi
          securityContext:
            {{- include "rollcall.container.securityContext" . | nindent 12 }}
          {{- if $authority }}
          volumeMounts:
            - name: authority
              mountPath: /etc/rollcall/database
              readOnly: true
          {{- end }}
      containers:
        - name: rollcall
          image: {{ .image | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          args:
            - serve
          ports:
            - name: http
              containerPort: 8000
            - name: metrics
              containerPort: {{ $values.metrics.port }}
          env:
            {{- include "rollcall.database.env" (dict "context" .context "secret" $secret) | nindent 12 }}
            {{- with include "rollcall.database.readHost" .context }}
            - name: DATABASE_READ_HOSTNAME
              value: {{ . | quote }}
            - name: DATABASE_READ_PORT
              value: {{ include "rollcall.database.readPort" $.context | quote }}
            {{- end }}
            - name: DATABASE_POOL_SIZE
              value: {{ $values.database.poolSize | toString | quote }}
            - name: DATABASE_TIMEOUT_SECONDS
              value: {{ $values.database.timeoutSeconds | toString | quote }}
            - name: ROLLCALL_TIMEZONE
              value: {{ $values.site.timezone | quote }}
            - name: ROLLCALL_DAY_START
              value: {{ $values.site.dayStart | quote }}
            - name: ROLLCALL_ACCESS
              value: {{ include "rollcall.access.mode" .context }}
            {{- with include "rollcall.access.secret" .context }}
            - name: ROLLCALL_ADMIN_TOKEN
              valueFrom:
                secretKeyRef:
                  name: {{ . }}
                  key: admin-token
                  {{- if not $values.access.existingSecret }}
                  # Without access to the cluster the chart does not generate it, and the service can do without.
                  optional: true
                  {{- end }}
            {{- end }}
            - name: ROLLCALL_METRICS_PORT
              value: {{ $values.metrics.port | toString | quote }}
            - name: ROLLCALL_LOG
              value: {{ $values.log.filter | quote }}
            - name: ROLLCALL_LOG_FORMAT
              value: {{ $values.log.format | quote }}
          startupProbe:
            httpGet:
              path: /livez
              port: http
            periodSeconds: 1
            failureThreshold: 60
          livenessProbe:
            httpGet:
              path: /livez
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 5
            timeoutSeconds: {{ add $values.database.timeoutSeconds 1 }}
          lifecycle:
            preStop:
              # Time for every proxy to stop sending requests to this pod.
              sleep:
                seconds: 5
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "rollcall.container.securityContext" . | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- if $authority }}
            - name: authority
              mountPath: /etc/rollcall/database
              readOnly: true
            {{- end }}
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: {{ $values.tmpSize }}
        {{- with $authority }}
        - name: authority
          {{- . | nindent 10 }}
        {{- end }}
{{- end -}}
