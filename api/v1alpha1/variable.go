// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Variable is one environment variable. Values may hold Railway references such as ${{RATE_LIMIT_RPM}} or ${{shared.NAME}}.
//
// +kubebuilder:validation:XValidation:rule="has(self.value) != has(self.valueFrom)",message="set exactly one of value and valueFrom"
type Variable struct {
	// name of the variable. Railway sets the RAILWAY_* names itself; only its control variables may be declared.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",message="a variable's name has letters, digits and _ only, and does not start with a digit"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('RAILWAY_') || self in ['RAILWAY_DEPLOYMENT_OVERLAP_SECONDS','RAILWAY_DEPLOYMENT_DRAINING_SECONDS','RAILWAY_DOCKERFILE_PATH','RAILWAY_HEALTHCHECK_TIMEOUT_SEC','RAILWAY_RUN_UID','RAILWAY_SHM_SIZE_BYTES']",message="Railway sets the RAILWAY_* variables itself: remove it or choose another name"
	// +required
	Name string `json:"name,omitempty"`

	// value of the variable, in clear. Use valueFrom for secrets.
	// +kubebuilder:validation:MaxLength=32768
	// +optional
	Value *string `json:"value,omitempty"`

	// valueFrom takes the value from a Secret or ConfigMap in the same namespace.
	// +optional
	ValueFrom *ValueSource `json:"valueFrom,omitempty"`

	// sealed hides the value on Railway for ever: neither dashboard nor API shows it again, and it cannot be unsealed. Default: false.
	// +optional
	Sealed bool `json:"sealed,omitempty"`
}

// ValueSource is where a value comes from.
//
// +kubebuilder:validation:XValidation:rule="has(self.secretKeyRef) != has(self.configMapKeyRef)",message="set exactly one of secretKeyRef and configMapKeyRef"
type ValueSource struct {
	// secretKeyRef selects a key of a Secret.
	// +optional
	SecretKeyRef *KeyReference `json:"secretKeyRef,omitempty"`

	// configMapKeyRef selects a key of a ConfigMap.
	// +optional
	ConfigMapKeyRef *KeyReference `json:"configMapKeyRef,omitempty"`
}

// KeyReference names a key of a Secret or ConfigMap in the namespace of the EngineEnvironment.
type KeyReference struct {
	// name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`

	// key within the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Key string `json:"key,omitempty"`
}

// VariablesSource takes every key of one object as a variable.
//
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) != has(self.configMapRef)",message="set exactly one of secretRef and configMapRef"
type VariablesSource struct {
	// prefix is put before each key.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",message="a prefix has letters, digits and _ only, and does not start with a digit"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('RAILWAY_')",message="RAILWAY_ names belong to Railway itself: choose another prefix"
	// +optional
	Prefix string `json:"prefix,omitempty"`

	// secretRef names a Secret.
	// +optional
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// configMapRef names a ConfigMap.
	// +optional
	ConfigMapRef *LocalReference `json:"configMapRef,omitempty"`

	// sealed seals every variable taken from here. Default: false.
	// +optional
	Sealed bool `json:"sealed,omitempty"`
}
