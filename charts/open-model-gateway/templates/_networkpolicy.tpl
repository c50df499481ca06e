{{/*
omg.componentNetworkPolicy (list $ "edgeProxy" from to): the policy of a component. `from` and `to` name who it talks to:
components of this release, or `clients`, `postgres`, `redis`, `nats`, `providers`, `receivers` as .Values.networkPolicy defines them.
*/}}
{{- define "omg.componentNetworkPolicy" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- if and $c.values.enabled $root.Values.networkPolicy.enabled }}
{{- include "omg.networkPolicy" (dict "root" $root "name" $c.name "fullname" $c.fullname "annotations" dict
      "from" (index . 2) "to" (index . 3)) }}
{{- end }}
{{- end }}

{{/*
omg.networkPolicy (dict root name fullname annotations from to). Monitoring may always come in, name resolution may always
go out; kubelet's probes are not subject to policies.
*/}}
{{- define "omg.networkPolicy" -}}
{{- $root := .root }}
{{- $policy := .root.Values.networkPolicy }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .fullname }}
  labels:
    {{- include "omg.labels" (list $root .name) | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  podSelector:
    matchLabels:
      {{- include "omg.selectorLabels" (list $root .name) | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- $peers := concat list $policy.monitoring }}
  {{- $anyone := false }}
  {{- range .from }}
  {{- if ne . "clients" }}
  {{- $peers = append $peers (include "omg.releasePeer" (list $root .) | fromYaml) }}
  {{- else if $policy.clients }}
  {{- $peers = concat $peers $policy.clients }}
  {{- else }}
  {{- $anyone = true }}
  {{- end }}
  {{- end }}
  {{- if $anyone }}
  ingress:
    - ports:
        - { port: http, protocol: TCP }
  {{- else if and .from $peers }}
  ingress:
    - ports:
        - { port: http, protocol: TCP }
      from:
        {{- toYaml $peers | nindent 8 }}
  {{- else }}
  ingress: []
  {{- end }}
  egress:
    - ports:
        - { port: 53, protocol: UDP }
        - { port: 53, protocol: TCP }
    {{- range .to }}
    {{- if has . (list "providers" "receivers") }}
    {{- $outside := get $policy . }}
    - ports:
        {{- range $outside.ports }}
        - { port: {{ int . }}, protocol: TCP }
        {{- end }}
      to:
        {{- with $outside.peers }}
        {{- toYaml . | nindent 8 }}
        {{- else }}
        {{- include "omg.providerAddresses" $root | nindent 8 }}
        {{- end }}
    {{- else if hasKey $policy . }}
    {{- $server := get $policy . }}
    - ports:
        - { port: {{ int $server.port }}, protocol: TCP }
      {{- with $server.peers }}
      to:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- else }}
    - ports:
        - { port: http, protocol: TCP }
      to:
        - {{ include "omg.releasePeer" (list $root .) | nindent 10 | trim }}
    {{- end }}
    {{- end }}
{{- end }}

{{/* omg.releasePeer (list $ "file-service"): the pods of a component of this release, as a peer. */}}
{{- define "omg.releasePeer" -}}
podSelector:
  matchLabels:
    {{- include "omg.selectorLabels" . | nindent 4 }}
{{- end }}

{{/* Everywhere a model may be; never link-local addresses, where clouds keep the credentials of a machine. */}}
{{- define "omg.providerAddresses" -}}
- ipBlock:
    cidr: 0.0.0.0/0
    except:
      - 169.254.0.0/16
      {{- if not .Values.adminApi.allowPrivateUpstreams }}
      - 10.0.0.0/8
      - 100.64.0.0/10
      - 172.16.0.0/12
      - 192.168.0.0/16
      {{- end }}
- ipBlock:
    cidr: ::/0
    except:
      - fe80::/10
      {{- if not .Values.adminApi.allowPrivateUpstreams }}
      - fc00::/7
      {{- end }}
{{- end }}
