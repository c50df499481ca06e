{{/*
What the components are, and the view of one that every template starts from.
*/}}

{{/*
The processes, by their key in values.yaml. `image` is the repository (the worker is admin-api's image run differently);
`secrets` are the only secret variables that process gets, and where under .Values.secrets each comes from.
*/}}
{{- define "omg.components" -}}
edgeProxy:
  name: edge-proxy
  image: edge-proxy
  secrets:
    NATS_URL: natsUrl
    REDIS_URL: redisUrl
    OMG_KEY_HASH_SECRET: keyHashSecret
    OMG_ENCRYPTION_KEYS: encryptionKeys
adminApi:
  name: admin-api
  image: admin-api
  secrets:
    DATABASE_URL: adminApiDatabaseUrl
    NATS_URL: natsUrl
    REDIS_URL: redisUrl
    OMG_KEY_HASH_SECRET: keyHashSecret
    OMG_ENCRYPTION_KEYS: encryptionKeys
adminApiWorker:
  name: admin-api-worker
  image: admin-api
  secrets:
    DATABASE_URL: adminApiDatabaseUrl
    NATS_URL: natsUrl
    REDIS_URL: redisUrl
batchRunner:
  name: batch-runner
  image: batch-runner
  secrets:
    DATABASE_URL: batchRunnerDatabaseUrl
    NATS_URL: natsUrl
fileService:
  name: file-service
  image: file-service
  secrets:
    DATABASE_URL: fileServiceDatabaseUrl
    NATS_URL: natsUrl
alerts:
  name: alerts
  image: alerts
  secrets:
    DATABASE_URL: alertsDatabaseUrl
    NATS_URL: natsUrl
    OMG_ENCRYPTION_KEYS: encryptionKeys
{{- end }}

{{/*
omg.component (list $ "edgeProxy"): YAML of one component, to be read with fromYaml:
key, name (edge-proxy), fullname (release-edge-proxy), image, secrets, values (defaults overlaid with its own block).
*/}}
{{- define "omg.component" -}}
{{- $root := index . 0 }}
{{- $key := index . 1 }}
{{- $what := get (include "omg.components" $root | fromYaml) $key }}
{{- $values := mustMergeOverwrite (deepCopy $root.Values.defaults) (deepCopy (get $root.Values $key)) }}
{{- $image := $values.image }}
{{- if not $image }}
{{- $path := compact (list $root.Values.image.registry $root.Values.image.repository $what.image) | join "/" }}
{{- $image = printf "%s:%s" $path ($root.Values.image.tag | default $root.Chart.AppVersion) }}
{{- end }}
{{- dict "key" $key "name" $what.name "fullname" (printf "%s-%s" (include "omg.fullname" $root) $what.name)
    "image" $image "secrets" $what.secrets "values" $values | toYaml }}
{{- end }}

{{- define "omg.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, cut so that the longest name made from it (…-batch-runner-migrate) still fits a label. */}}
{{- define "omg.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "omg.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "omg.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* omg.selectorLabels (list $ "edge-proxy"): what selects that component's pods; never changes, a selector cannot. */}}
{{- define "omg.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "omg.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "omg.labels" -}}
{{- $root := index . 0 -}}
{{ include "omg.selectorLabels" . }}
app.kubernetes.io/part-of: open-model-gateway
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Where clients find the edge, as the portal prints it; no slash at the end. */}}
{{- define "omg.publicGatewayUrl" -}}
{{- $edge := .Values.edgeProxy }}
{{- if .Values.adminApi.publicGatewayUrl }}
{{- .Values.adminApi.publicGatewayUrl | trimSuffix "/" }}
{{- else if $edge.ingress.enabled }}
{{- printf "%s://%s" (ternary "https" "http" (not (empty $edge.ingress.tlsSecret))) $edge.ingress.host }}
{{- else }}
{{- $port := int $edge.service.port }}
{{- printf "http://%s-edge-proxy.%s.svc%s" (include "omg.fullname" .) .Release.Namespace (ternary "" (printf ":%d" $port) (eq $port 80)) }}
{{- end }}
{{- end }}
