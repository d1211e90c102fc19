// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

func (v view) domains(environmentID, serviceID string) node {
	own, custom := []any{}, []any{}
	for _, d := range v.w.domainsOf(environmentID, serviceID, false) {
		own = append(own, v.serviceDomain(d))
	}
	for _, d := range v.w.domainsOf(environmentID, serviceID, true) {
		custom = append(custom, v.customDomain(d))
	}
	return node{"serviceDomains": own, "customDomains": custom}
}

func (v view) domain(d *domain) node {
	n := node{
		"id": d.ID, "domain": d.Host, "environmentId": d.EnvironmentID, "serviceId": d.ServiceID, "projectId": nil, "targetPort": nil,
		"createdAt": stamp(d.CreatedAt), "updatedAt": stamp(d.CreatedAt), "deletedAt": optionalStamp(d.DeletedAt),
		"syncStatus": "ACTIVE", "edgeId": nil, "cdnMode": nil,
	}
	if d.Port != nil {
		n["targetPort"] = *d.Port
	}
	if e := v.w.Environments[d.EnvironmentID]; e != nil {
		n["projectId"] = e.ProjectID
	}
	return n
}

func (v view) serviceDomain(d *domain) node {
	n := v.domain(d)
	n["__typename"], n["suffix"] = "ServiceDomain", railwaySuffix
	return n
}

func (v view) customDomain(d *domain) node {
	n := v.domain(d)
	n["__typename"], n["isRailwayPurchased"] = "CustomDomain", false
	n["status"] = node{
		"certificateStatus": "CERTIFICATE_STATUS_TYPE_VALID", "verified": true, "certificates": nil,
		"dnsRecords": []any{node{
			"currentValue": "", "fqdn": d.Host, "hostlabel": d.Host, "purpose": "DNS_RECORD_PURPOSE_TRAFFIC_ROUTE",
			"recordType": "DNS_RECORD_TYPE_CNAME", "requiredValue": deterministic(d.ID)[:8] + "." + railwaySuffix,
			"status": "DNS_RECORD_STATUS_PROPAGATED", "zone": d.Host,
		}},
	}
	return n
}

func (v view) proxy(p *proxy) node {
	return node{
		"__typename": "TCPProxy", "id": p.ID, "applicationPort": p.ApplicationPort, "proxyPort": p.ProxyPort,
		"domain": "proxy.rlwy.net", "environmentId": p.EnvironmentID, "serviceId": p.ServiceID, "syncStatus": "ACTIVE",
		"createdAt": stamp(p.CreatedAt), "updatedAt": stamp(p.CreatedAt), "deletedAt": optionalStamp(p.DeletedAt),
	}
}

func (v view) volume(x *volume) node {
	list := []node{}
	for _, id := range sortedKeys(x.Instances) {
		if x.Instances[id].DeletedAt == nil && v.reaches(id) {
			list = append(list, v.volumeInstance(x, id))
		}
	}
	return node{
		"__typename": "Volume", "id": x.ID, "name": x.Name, "projectId": x.ProjectID, "createdAt": stamp(x.CreatedAt),
		"project":         lazy(func(map[string]any) (any, error) { return v.project(v.w.Projects[x.ProjectID]), nil }),
		"volumeInstances": connection(list, func(n node) node { return n }),
	}
}

func (v view) volumeInstance(x *volume, environmentID string) node {
	i := x.Instances[environmentID]
	return node{
		"__typename": "VolumeInstance", "id": i.ID, "volumeId": x.ID, "environmentId": environmentID, "serviceId": optional(i.ServiceID),
		"mountPath": i.MountPath, "region": optional(i.Region), "sizeMB": 5000, "currentSizeMB": 0.0, "state": "READY",
		"isPendingDeletion": false, "createdAt": stamp(i.CreatedAt), "deletedAt": optionalStamp(i.DeletedAt), "externalId": nil,
		"volume":      lazy(func(map[string]any) (any, error) { return v.volume(x), nil }),
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(v.w.Environments[environmentID]), nil }),
		"service": lazy(func(map[string]any) (any, error) {
			if s := v.w.Services[i.ServiceID]; s != nil {
				return v.service(s), nil
			}
			return nil, nil
		}),
	}
}

func (v view) volumeInstances(e *environment) []node {
	list := []node{}
	for _, id := range sortedKeys(v.w.Volumes) {
		x := v.w.Volumes[id]
		if i := x.Instances[e.ID]; i != nil && i.DeletedAt == nil && x.DeletedAt == nil {
			list = append(list, v.volumeInstance(x, e.ID))
		}
	}
	return list
}

func (v view) trigger(t *trigger) node {
	projectID := ""
	if e := v.w.Environments[t.EnvironmentID]; e != nil {
		projectID = e.ProjectID
	}
	return node{
		"__typename": "DeploymentTrigger", "id": t.ID, "environmentId": t.EnvironmentID, "serviceId": t.ServiceID, "projectId": projectID,
		"provider": t.Provider, "repository": t.Repository, "branch": t.Branch, "checkSuites": t.CheckSuites, "validCheckSuites": 0,
		"baseEnvironmentOverrideId": nil,
	}
}
