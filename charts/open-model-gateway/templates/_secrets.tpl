{{/*
Where each secret variable comes from: an entry of .Values.secrets is either a `value`, which goes into a Secret made by
this chart, or a key in a Secret that exists already. Nothing is generated.
*/}}

{{/*
omg.secretRef (list $ "natsUrl" "NATS_URL" "name of the chart's own Secret"): the secretKeyRef of one variable.
*/}}
{{- define "omg.secretRef" -}}
{{- $root := index . 0 }}
{{- $source := index . 1 }}
{{- $entry := get $root.Values.secrets $source }}
{{- $existing := $entry.existingSecret | default $root.Values.secrets.existingSecret }}
{{- if $entry.value -}}
name: {{ index . 3 }}
key: {{ index . 2 }}
{{- else if $existing -}}
name: {{ $existing }}
key: {{ $entry.key }}
{{- else }}
{{- fail (printf "\n\nsecrets.%s is missing: name a Secret in secrets.existingSecret or secrets.%s.existingSecret, or give secrets.%s.value (docs/install-kubernetes.md)." $source $source $source) }}
{{- end }}
{{- end }}

{{/* omg.secretEnv (list $ $component "Secret name"): the secret variables of a container, as a list for `env`. */}}
{{- define "omg.secretEnv" -}}
{{- $root := index . 0 }}
{{- $name := index . 2 }}
{{- range $variable, $source := (index . 1).secrets }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      {{- include "omg.secretRef" (list $root $source $variable $name) | nindent 6 }}
{{- end }}
{{- end }}

{{/* omg.secretData (list $ $component): the values given inline, as a Secret's stringData; empty when there are none. */}}
{{- define "omg.secretData" -}}
{{- $root := index . 0 }}
{{- range $variable, $source := (index . 1).secrets }}
{{- with (get $root.Values.secrets $source).value }}
{{ $variable }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* omg.secret (list $ "edgeProxy"): that component's Secret, when any of its variables was given inline. */}}
{{- define "omg.secret" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- $data := include "omg.secretData" (list $root $c) }}
{{- if and $c.values.enabled $data -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ $c.fullname }}
  labels:
    {{- include "omg.labels" (list $root $c.name) | nindent 4 }}
type: Opaque
stringData:
  {{- $data | trim | nindent 2 }}
{{- end }}
{{- end }}
