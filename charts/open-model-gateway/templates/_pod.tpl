{{/*
The parts that every pod of the gateway shares, workloads and Jobs alike. They satisfy the pod security standard "restricted",
and mount no token: no process talks to the Kubernetes API.
*/}}

{{/* omg.podSpec (list $ $component "service account"): what stands beside `containers`. */}}
{{- define "omg.podSpec" -}}
{{- $root := index . 0 }}
{{- $c := index . 1 -}}
serviceAccountName: {{ index . 2 }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- range $field := list "runAsUser" "runAsGroup" "fsGroup" }}
  {{- with get $root.Values.podSecurity $field }}
  {{ $field }}: {{ . | int64 }}
  {{- end }}
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $c.values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $c.values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $c.values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* omg.spread (list $ $component): the given affinity, or replicas spread softly over nodes and zones. */}}
{{- define "omg.spread" -}}
{{- $root := index . 0 }}
{{- $c := index . 1 }}
{{- if $c.values.affinity -}}
affinity:
  {{- toYaml $c.values.affinity | nindent 2 }}
{{- else -}}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "omg.selectorLabels" (list $root $c.name) | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{/*
omg.podMetadata (list $ $component): labels and annotations of a workload's pods. A changed configuration restarts them; a
chart that only has a new version does not, which is why its label is not here.
*/}}
{{- define "omg.podMetadata" -}}
{{- $root := index . 0 }}
{{- $c := index . 1 -}}
labels:
  {{- include "omg.selectorLabels" (list $root $c.name) | nindent 2 }}
  {{- with $c.values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ include (printf "%s/%s/configmap.yaml" $root.Template.BasePath $c.name) $root | sha256sum }}
  {{- if $root.Values.config }}
  checksum/settings: {{ include "omg.configChecksum" . }}
  {{- end }}
  checksum/secret: {{ include (printf "%s/%s/secret.yaml" $root.Template.BasePath $c.name) $root | sha256sum }}
  {{- with $c.values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* omg.container (list $ $component): image and restrictions of a container. */}}
{{- define "omg.container" -}}
{{- $root := index . 0 }}
{{- $c := index . 1 -}}
image: {{ $c.image | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
resources:
  {{- toYaml $c.values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
  readOnlyRootFilesystem: true
  runAsNonRoot: true
{{- end }}

{{/* omg.env (list $ $component): the environment of a workload: its ConfigMap, its secrets, and extraEnv. */}}
{{- define "omg.env" -}}
{{- $root := index . 0 }}
{{- $c := index . 1 -}}
envFrom:
  - configMapRef:
      name: {{ $c.fullname }}
env:
  {{- include "omg.secretEnv" (list $root $c $c.fullname) | trim | nindent 2 }}
  {{- with $c.values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* The variables every process reads, for a component's ConfigMap. */}}
{{- define "omg.commonConfig" -}}
OMG_LISTEN_HOST: 0.0.0.0
OMG_LISTEN_PORT: "8080"
{{- with include "omg.setting" (list . "observability.log_level" "OMG_LOG_LEVEL" .Values.logLevel) }}
{{ . }}
{{- end }}
{{- with include "omg.setting" (list . "nats.replicas" "OMG_NATS_REPLICAS" (int .Values.natsReplicas)) }}
{{ . }}
{{- end }}
{{- if .Values.config }}
OMG_CONFIG_FILE: /etc/omg/gateway.yaml
{{- end }}
{{- end }}

{{/*
Ports and probes of a process. A start may take a minute; a process whose loop stands still for 30 s is restarted; one that
says it is not ready gets no calls, and is not restarted for it.
*/}}
{{- define "omg.probes" -}}
ports:
  - name: http
    containerPort: 8080
    protocol: TCP
startupProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{/*
Stopping, for a process behind a Service: keep answering for the seconds in which load balancers still send calls to a pod
that is being deleted, then SIGTERM, after which a process has ended within 8 s.
*/}}
{{- define "omg.lifecycle" -}}
lifecycle:
  preStop:
    exec:
      command: [sleep, "5"]
{{- end }}

{{/* /tmp, the only writable folder that every container has. */}}
{{- define "omg.tmpMount" -}}
- name: tmp
  mountPath: /tmp
{{- end }}
{{- define "omg.tmpVolume" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- end }}
