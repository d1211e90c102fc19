// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// usageSeed has a production that is older than any month, and engines that use 1 vCPU and 4 GB: $60 a month.
var usageSeed = strings.Replace(plainSeed, "name: production}", "name: production, age: 1000h}", 1) + `
usage:
- {environment: production, service: ai-engine, vcpu: 1, memoryGB: 4}
- {environment: dev, service: ai-engine, vcpu: 1, memoryGB: 4}
`

func TestBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{seed: usageSeed})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.apply("dev", devSpec+"budget: {monthlyUSD: 105}\n")
	w.until("dev", "counted", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Cost != nil && o.Status.Verdict == v1alpha1.VerdictGo
	})

	// Production's engine is declared while one of the month's usage exists already.
	production := strings.NewReplacer("tier: Dev", "tier: Production", "value: dev", "value: production").Replace(devSpec)
	w.apply("production", production)
	w.ready("production")
	w.apply("production", production+"budget: {monthlyUSD: 20}\n")
	o := w.until("production", "priced", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Cost != nil && isReady(o) })
	assert.Regexp(t, `^\$\d+\.\d\d of \$20$`, o.Status.Cost.Summary)
	assert.Equal(t, 1, w.count(0)["ReadUsage"], "one question an hour for all tiers of the project")
	assert.NotEqual(t, metav1.ConditionUnknown, condition(o, v1alpha1.ConditionWithinBudget).Status)

	w.apply("production", production)
	o = w.until("production", "without budget", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Cost == nil && isReady(o) })
	assert.Empty(t, condition(o, v1alpha1.ConditionWithinBudget).Type)
}

func TestOverBudgetBlocksPromotion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{seed: strings.NewReplacer("vcpu: 1,", "vcpu: 100000,").Replace(usageSeed)})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.image("1.4.2")
	source := `  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}` + "\n"
	promoted := strings.NewReplacer("tier: Dev", "tier: Production", source, "").Replace(devSpec) + "promotion: {from: dev}\n"
	w.apply("production", promoted)
	w.runs("dev", "1.4.2")
	w.runs("production", "1.4.2")
	w.apply("production", strings.Replace(promoted, "promotion:", "budget: {monthlyUSD: 1, enforcement: BlockPromotion}\npromotion:", 1))
	o := w.until("production", "over budget", func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionWithinBudget).Reason == v1alpha1.ReasonOverBudget && o.Status.Verdict == v1alpha1.VerdictNoGo
	})
	assert.True(t, isReady(o), "it works, it is only dear")
	assert.Contains(t, strings.Join(o.Status.VerdictReasons, "\n"), "OverBudget: the month is projected to cost $")

	w.image("1.5.0")
	w.runs("dev", "1.5.0")
	w.until("production", "blocked", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion.State == v1alpha1.PromotionBlocked && o.Status.Promotion.CandidateRevision == "1.5.0" &&
			strings.Contains(condition(o, v1alpha1.ConditionPromoted).Message, "over its budget")
	})
	assert.Equal(t, []string{"1.4.2"}, w.images("production"))
}

func TestUsageThatMayNotBeReadIsNotZero(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{seed: usageSeed})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.secret("railway", map[string]string{"RAILWAY_TOKEN": projectToken})
	w.apply("production", strings.Replace(devSpec, "tier: Dev", "tier: Production", 1)+"budget: {monthlyUSD: 570}\n")
	o := w.until("production", "GO", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
	assert.Nil(t, o.Status.Cost)
	within := condition(o, v1alpha1.ConditionWithinBudget)
	assert.Equal(t, metav1.ConditionUnknown, within.Status)
	assert.Equal(t, v1alpha1.ReasonUsageNotReadable, within.Reason)
	assert.Equal(t, 1, w.count(0)["ReadUsage"], "a refusal is remembered, too")
}
