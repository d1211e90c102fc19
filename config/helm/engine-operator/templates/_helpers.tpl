{{/* The prefix of all names. */}}
{{- define "engine-operator.name" -}}
{{- if .Values.nameOverride -}}
{{- .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains "engine-operator" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-engine-operator" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "engine-operator.labels" -}}
app.kubernetes.io/name: engine-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* What selects the Pods of a release. */}}
{{- define "engine-operator.selector" -}}
control-plane: controller-manager
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "engine-operator.image" -}}
{{- $name := .Values.image.repository -}}
{{- with .Values.image.registry -}}{{- $name = printf "%s/%s" (trimSuffix "/" .) $name -}}{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* A manifest of config/ with a name, a namespace (when it has one) and the labels of the release: dict root, manifest, name. */}}
{{- define "engine-operator.manifest" -}}
{{- $manifest := .manifest -}}
{{- $_ := set $manifest.metadata "name" .name -}}
{{- if hasKey $manifest.metadata "namespace" -}}{{- $_ := set $manifest.metadata "namespace" .root.Release.Namespace -}}{{- end -}}
{{- $labels := include "engine-operator.labels" .root | fromYaml -}}
{{- $_ := set $manifest.metadata "labels" (merge (dict) ($manifest.metadata.labels | default dict) (.labels | default dict) $labels) -}}
{{ toYaml $manifest }}
{{- end -}}

{{/* The rules of the operator in a namespace: dict root, namespace. Without Local tiers it makes one Secret, at home. */}}
{{- define "engine-operator.rules" -}}
{{- $verbs := list "get" "list" "watch" -}}
{{- if eq .namespace .root.Release.Namespace -}}{{- $verbs = prepend $verbs "create" -}}{{- end -}}
{{- $role := .root.Files.Get "files/role.yaml" | fromYaml -}}
{{- range $role.rules -}}
{{- if and (has "secrets" .resources) (not $.root.Values.watch.localTiers) -}}
{{- $_ := set . "verbs" $verbs -}}
{{- end -}}
{{- end -}}
{{ toYaml $role.rules }}
{{- end -}}
