{{/*
omg.migrate (list $ "adminApi"): the Job that migrates a component's schema before an install or upgrade puts the new
version to work. Migrations only ever add (expand, migrate, contract), so the running version is not disturbed, and a
rollback needs no way back.

Helm runs it before it creates or updates anything else of the release. What the Job needs is therefore a hook as well, of
a lower weight: its own ServiceAccount, its own copy of the database URL, its own NetworkPolicy. Helm deletes them when the
Job succeeded; a failed Job stays for its log to be read, and goes with the next try.
*/}}
{{- define "omg.migrate" -}}
{{- $root := index . 0 }}
{{- $c := include "omg.component" . | fromYaml }}
{{- if $c.values.enabled }}
{{- $name := printf "%s-migrate" $c.name }}
{{- $fullname := printf "%s-migrate" $c.fullname }}
{{- $_ := set $c "secrets" (pick $c.secrets "DATABASE_URL") }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $fullname }}
  labels:
    {{- include "omg.labels" (list $root $name) | nindent 4 }}
  annotations:
    {{- include "omg.migrateHook" -10 | nindent 4 }}
automountServiceAccountToken: false
{{- with include "omg.secretData" (list $root $c) }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ $fullname }}
  labels:
    {{- include "omg.labels" (list $root $name) | nindent 4 }}
  annotations:
    {{- include "omg.migrateHook" -10 | nindent 4 }}
type: Opaque
stringData:
  {{- . | trim | nindent 2 }}
{{- end }}
{{- if $root.Values.networkPolicy.enabled }}
---
{{ include "omg.networkPolicy" (dict "root" $root "name" $name "fullname" $fullname
     "annotations" (include "omg.migrateHook" -10 | fromYaml) "from" list "to" (list "postgres")) }}
{{- end }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $fullname }}
  labels:
    {{- include "omg.labels" (list $root $name) | nindent 4 }}
  annotations:
    {{- include "omg.migrateHook" 0 | nindent 4 }}
spec:
  backoffLimit: {{ $root.Values.migrations.backoffLimit | int }}
  activeDeadlineSeconds: {{ $root.Values.migrations.activeDeadlineSeconds | int }}
  template:
    metadata:
      labels:
        {{- include "omg.labels" (list $root $name) | nindent 8 }}
    spec:
      restartPolicy: Never
      {{- include "omg.podSpec" (list $root $c $fullname) | nindent 6 }}
      containers:
        - name: migrate
          args: [migrate]
          {{- include "omg.container" (list $root $c) | nindent 10 }}
          env:
            {{- include "omg.secretEnv" (list $root $c $fullname) | trim | nindent 12 }}
            - name: OMG_LOG_LEVEL
              value: {{ $root.Values.logLevel }}
          volumeMounts:
            {{- include "omg.tmpMount" . | nindent 12 }}
      volumes:
        {{- include "omg.tmpVolume" . | nindent 8 }}
{{- end }}
{{- end }}

{{- define "omg.migrateHook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
