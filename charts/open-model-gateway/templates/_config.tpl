{{/*
The YAML file with settings of all processes, from .Values.config. The environment wins over the file, so what the file says is
left out of it; what the chart itself depends on cannot be said in the file.
*/}}

{{/* omg.inConfig (list $ "server.max_body_bytes"): "true" when .Values.config has that key. */}}
{{- define "omg.inConfig" -}}
{{- $place := (index . 0).Values.config }}
{{- $given := true }}
{{- range $part := splitList "." (index . 1) }}
{{- if and $given (kindIs "map" $place) (hasKey $place $part) }}
{{- $place = get $place $part }}
{{- else }}
{{- $given = false }}
{{- end }}
{{- end }}
{{- if $given }}true{{ end }}
{{- end }}

{{/* omg.setting (list $ "server.max_body_bytes" "OMG_MAX_BODY_BYTES" "16777216"): a variable in a ConfigMap's data. */}}
{{- define "omg.setting" -}}
{{- if not (include "omg.inConfig" (list (index . 0) (index . 1))) -}}
{{ index . 2 }}: {{ index . 3 | toString | quote }}
{{- end }}
{{- end }}

{{/* Refuses keys that are the chart's own: ports, folders and names that its objects rely on. */}}
{{- define "omg.checkConfig" -}}
{{- $root := . }}
{{- range $key := list "server.listen_host" "server.listen_port" "server.drain_delay_seconds" "edge.state_dir" "edge.replica_id" "edge.replicas" "portal.dir" }}
{{- if include "omg.inConfig" (list $root $key) }}
{{- fail (printf "\n\nconfig.%s: this setting is the chart's own, and cannot be given in config." $key) }}
{{- end }}
{{- end }}
{{- if include "omg.inConfig" (list $root "server.drain_seconds") }}
{{- fail "\n\nconfig.server.drain_seconds: give edgeProxy.drainSeconds, which the pods' grace period is made from." }}
{{- end }}
{{- end }}

{{/* omg.configChecksum (list $ $component): only admin-api reads the blocks, so only it restarts when they change. */}}
{{- define "omg.configChecksum" -}}
{{- $config := (index . 0).Values.config }}
{{- if ne (index . 1).name "admin-api" }}
{{- $config = omit $config "bootstrap" "model_catalog" }}
{{- end }}
{{- toYaml $config | sha256sum }}
{{- end }}

{{/* What a process mounts, and from where: /tmp, the only writable folder that every container has, and the file. */}}
{{- define "omg.mounts" -}}
{{ include "omg.tmpMount" . }}
{{- if .Values.config }}
- name: config
  mountPath: /etc/omg
  readOnly: true
{{- end }}
{{- end }}
{{- define "omg.volumes" -}}
{{ include "omg.tmpVolume" . }}
{{- if .Values.config }}
- name: config
  configMap:
    name: {{ include "omg.fullname" . }}-config
    defaultMode: 0444
{{- end }}
{{- end }}
