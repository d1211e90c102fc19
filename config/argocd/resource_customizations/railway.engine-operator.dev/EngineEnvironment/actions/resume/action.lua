-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Left out is false: nothing stays behind that Git does not have.
obj.spec.suspend = nil
return obj
