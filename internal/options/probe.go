// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/engine-operator/engine-operator/internal/verify"
)

// Probe are the flags of whoever runs checks.
type Probe struct {
	ProbeConnectTo string
	ProbeCA        string
	LogGrace       time.Duration

	probeAllowHosts string
}

// Bind adds the flags.
func (p *Probe) Bind(flags *pflag.FlagSet) {
	flags.StringVar(&p.probeAllowHosts, "probe-allow-hosts", "", "hosts that checks may name besides their environment's own domains, separated by commas")
	flags.StringVar(&p.ProbeConnectTo, "probe-connect-to", "", "address that every check connects to instead of what its host resolves to, for a local edge; unsafe in production")
	flags.StringVar(&p.ProbeCA, "probe-ca", "", "file of certificate authorities that checks trust instead of the system's, as PEM")
	flags.DurationVar(&p.LogGrace, "log-grace", time.Minute, "how long a line of a deployment's start may take to appear in Railway's log")
}

// Guard says where probes may go. It reads the file of --probe-ca.
func (p *Probe) Guard() (verify.GuardOptions, error) {
	guard := verify.GuardOptions{AllowHosts: names(p.probeAllowHosts), ConnectTo: p.ProbeConnectTo}
	if p.ProbeCA == "" {
		return guard, nil
	}
	raw, err := os.ReadFile(p.ProbeCA)
	if err != nil {
		return guard, fmt.Errorf("read --probe-ca: %w", err)
	}
	guard.RootCAs = x509.NewCertPool()
	if !guard.RootCAs.AppendCertsFromPEM(raw) {
		return guard, fmt.Errorf("--probe-ca: %s holds no certificate in PEM", p.ProbeCA)
	}
	return guard, nil
}
