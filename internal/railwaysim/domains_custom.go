// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"strings"
)

// Custom domains (railway-api.md, "Domains"): they start unverified, nothing is served on them until their owner has
// set two DNS records and a certificate was issued.

var customDomainMutations = map[string]mutation{
	"customDomainCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.inside(c.w(), input)
		if err != nil {
			return nil, err
		}
		d, err := c.s.addCustomDomain(e, s.ID, argText(input, "domain"))
		if err != nil {
			return nil, err
		}
		d.Port = portOf(input)
		return c.fresh().customDomain(d), nil
	},
	"customDomainUpdate": func(c call, args map[string]any) (any, error) {
		d := c.w().Domains[argText(args, "id")]
		if err := c.domain(d, true); err != nil {
			return nil, err
		}
		d.Port = portOf(args)
		return true, nil
	},
	"customDomainDelete": func(c call, args map[string]any) (any, error) { return c.deleteDomain(argText(args, "id"), true) },
}

// Certificate states of a custom domain.
const (
	certificateValidating = "CERTIFICATE_STATUS_TYPE_VALIDATING_OWNERSHIP"
	certificateValid      = "CERTIFICATE_STATUS_TYPE_VALID"
)

// addCustomDomain adds an unverified domain.
func (s *Sim) addCustomDomain(e *environment, serviceID, host string) (*domain, error) {
	if !strings.Contains(host, ".") || strings.ToLower(host) != host || strings.ContainsAny(host, "/: ") {
		return nil, refused("%s is not a valid domain", host)
	}
	if s.world.domainNamed(host) != nil {
		return nil, refused("Domain %s is already in use", host)
	}
	limit := s.allowed(e.ProjectID).customDomains
	if len(s.world.domainsOf(e.ID, serviceID, true)) >= limit {
		return nil, planLimit("Your plan allows %d custom domains per service. Upgrade your plan to add more", limit)
	}
	d := &domain{
		ID: s.id(), Host: host, EnvironmentID: e.ID, ServiceID: serviceID, Custom: true, Certificate: certificateValidating,
		CreatedAt: s.now(),
	}
	s.world.addDomain(d)
	return d, nil
}

// domainNamed is the live domain of that name, generated or custom.
func (w *world) domainNamed(host string) *domain {
	for _, d := range w.Domains {
		if d.Host == host && d.DeletedAt == nil {
			return d
		}
	}
	return nil
}

// serves reports whether the edge answers for the domain.
func (d *domain) serves() bool { return !d.Custom || d.Certificate == certificateValid }

// zone splits a host into the label that stands in the zone's records and the zone.
func zone(host string) (label, zone string) {
	parts := strings.Split(host, ".")
	cut := max(len(parts)-2, 0)
	return strings.Join(parts[:cut], "."), strings.Join(parts[cut:], ".")
}

// ownership is the record that proves who owns the domain: its host relative to the zone, and its value with its prefix. It is
// not among the dnsRecords.
func (d *domain) ownership() (host, value string) {
	host = "_railway-verify"
	if label, _ := zone(d.Host); label != "" {
		host += "." + label
	}
	return host, "railway-verify=" + strings.ReplaceAll(deterministic("verify", d.ID), "-", "")
}

func (v view) customDomain(d *domain) node {
	label, apex := zone(d.Host)
	host, value := d.ownership()
	verified := d.Certificate != certificateValidating
	target := deterministic(d.ID)[:8] + "." + railwaySuffix
	current, status := "", "DNS_RECORD_STATUS_REQUIRES_UPDATE"
	if verified {
		current, status = target, "DNS_RECORD_STATUS_PROPAGATED"
	}
	n := v.domain(d)
	n["__typename"], n["isRailwayDomain"] = "CustomDomain", false
	n["status"] = node{
		"certificateStatus": d.Certificate, "verified": verified, "verificationDnsHost": host, "verificationToken": value,
		"dnsRecords": []any{node{
			"currentValue": current, "fqdn": d.Host, "hostlabel": label, "zone": apex, "purpose": "DNS_RECORD_PURPOSE_TRAFFIC_ROUTE",
			"recordType": "DNS_RECORD_TYPE_CNAME", "requiredValue": target, "status": status,
		}},
	}
	return n
}

// DomainEdit is a human's edit of a custom domain.
type DomainEdit struct {
	Place
	Domain string `json:"domain"`
	// Port is the target port of a domain that is added; 0 leaves it to Railway.
	Port int `json:"port"`
	// Certificate is the state of a verified domain's certificate: VALID, which is the default, ISSUING or ISSUE_FAILED.
	Certificate string `json:"certificate"`
}

// AddDomain adds a custom domain to a service as a human on the dashboard does.
func (s *Sim) AddDomain(edit DomainEdit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(edit.Place)
	if err != nil {
		return err
	}
	if serviceID == "" {
		return fmt.Errorf("service is needed")
	}
	d, err := s.addCustomDomain(e, serviceID, edit.Domain)
	if err != nil {
		return err
	}
	if edit.Port != 0 {
		d.Port = &edit.Port
	}
	s.remember()
	return nil
}

// VerifyDomain is what happens once a custom domain's owner has set its DNS records. Only its name is needed.
func (s *Sim) VerifyDomain(edit DomainEdit) error {
	state := "CERTIFICATE_STATUS_TYPE_" + orElse(edit.Certificate, "VALID")
	switch orElse(edit.Certificate, "VALID") {
	case "VALID", "ISSUING", "ISSUE_FAILED":
	default:
		return fmt.Errorf("certificate %q is none of VALID, ISSUING and ISSUE_FAILED", edit.Certificate)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.world.domainNamed(edit.Domain)
	if d == nil || !d.Custom {
		return fmt.Errorf("there is no custom domain %q", edit.Domain)
	}
	d.Certificate = state
	s.remember()
	return nil
}
