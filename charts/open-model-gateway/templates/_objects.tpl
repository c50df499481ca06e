{{/*
Whole objects that are the same for every component but for its name and values. Each takes (list $ "edgeProxy").
*/}}

{{- define "omg.serviceAccount" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- if $c.values.enabled -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $c.fullname }}
  labels:
    {{- include "omg.labels" (list $root $c.name) | nindent 4 }}
  {{- with $c.values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{/* The Service of a component that only other components call. */}}
{{- define "omg.internalService" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- if $c.values.enabled -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ $c.fullname }}
  labels:
    {{- include "omg.labels" (list $root $c.name) | nindent 4 }}
spec:
  type: ClusterIP
  selector:
    {{- include "omg.selectorLabels" (list $root $c.name) | nindent 4 }}
  ports:
    - name: http
      port: 80
      targetPort: http
      protocol: TCP
{{- end }}
{{- end }}

{{/* The Service of a component that people or clients call. */}}
{{- define "omg.publicService" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- if $c.values.enabled -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ $c.fullname }}
  labels:
    {{- include "omg.labels" (list $root $c.name) | nindent 4 }}
  {{- with $c.values.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $c.values.service.type }}
  selector:
    {{- include "omg.selectorLabels" (list $root $c.name) | nindent 4 }}
  ports:
    - name: http
      port: {{ $c.values.service.port | int }}
      targetPort: http
      protocol: TCP
{{- end }}
{{- end }}

{{/* omg.ingress (list $ "edgeProxy" "/v1"): publishes one path prefix of a component on its host. */}}
{{- define "omg.ingress" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- $ingress := $c.values.ingress }}
{{- if and $c.values.enabled $ingress.enabled -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ $c.fullname }}
  labels:
    {{- include "omg.labels" (list $root $c.name) | nindent 4 }}
  {{- with $ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with $ingress.tlsSecret }}
  tls:
    - secretName: {{ . }}
      hosts: [{{ $ingress.host | quote }}]
  {{- end }}
  rules:
    - host: {{ $ingress.host | quote }}
      http:
        paths:
          - path: {{ index . 2 }}
            pathType: Prefix
            backend:
              service:
                name: {{ $c.fullname }}
                port:
                  name: http
{{- end }}
{{- end }}

{{/* One pod at a time may be evicted; one that is broken anyway may always be. */}}
{{- define "omg.podDisruptionBudget" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- if and $c.values.enabled $c.values.podDisruptionBudget.enabled -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $c.fullname }}
  labels:
    {{- include "omg.labels" (list $root $c.name) | nindent 4 }}
spec:
  maxUnavailable: {{ $c.values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "omg.selectorLabels" (list $root $c.name) | nindent 6 }}
{{- end }}
{{- end }}

{{/* omg.autoscaler (list $ "edgeProxy" "StatefulSet") */}}
{{- define "omg.autoscaler" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- $autoscaling := $c.values.autoscaling }}
{{- if and $c.values.enabled $autoscaling.enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $c.fullname }}
  labels:
    {{- include "omg.labels" (list $root $c.name) | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: {{ index . 2 }}
    name: {{ $c.fullname }}
  minReplicas: {{ $autoscaling.minReplicas | int }}
  maxReplicas: {{ $autoscaling.maxReplicas | int }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ $autoscaling.targetCPUUtilizationPercentage | int }}
{{- end }}
{{- end }}

{{/* omg.replicas $component: left out under autoscaling, or every upgrade would undo what the autoscaler decided. */}}
{{- define "omg.replicas" -}}
{{- if not .values.autoscaling.enabled -}}
replicas: {{ .values.replicas | int }}
{{- end }}
{{- end }}
