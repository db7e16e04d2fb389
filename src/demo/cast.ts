// Who and what the demo's store is about: owners, operators, servers, what keys are for and what they may do. Data only.

import type { Actor } from '../domain/audit.ts'

export type OwnerKind = 'person' | 'service' | 'partner'

export interface Owner {
  readonly userId: string
  readonly kind: OwnerKind
}

const PEOPLE =
  'ann.larsen józef.nowak zoë.de-vries 王芳 佐藤健 jörg.müller chloé.dubois íñigo.mendoza b.okafor priya.raman tomás.ferreira lena.ivanova sam.whitfield o.yilmaz'
const SERVICES =
  'billing-api checkout web-backend mobile-gateway search-indexer nightly-reports webhook-relay stock-sync mailer fraud-check data-lake grafana ci-runner support-desk'
const PARTNERS =
  'acme-logistics crédit-rivage 山田商事 nordlicht-gmbh atlas-freight bluebird-books são-bento-foods helvetia-pay orchard-retail kestrel-air 北京快递 zeta-insurance'

const owners = (kind: OwnerKind, names: string): Owner[] => names.split(' ').map((userId) => ({ userId, kind }))

export const OWNERS: readonly Owner[] = [...owners('person', PEOPLE), ...owners('service', SERVICES), ...owners('partner', PARTNERS)]

/** The one who left the company: all of their keys were revoked together. */
export const LEAVER: Owner = OWNERS[12] as Owner

/** What a key is for, by the kind of its owner. */
export const PURPOSES: Readonly<Record<OwnerKind, readonly string[]>> = {
  person: ['laptop', 'local development', 'data export', 'notebook', 'on-call scripts', 'terraform', 'quarterly report', 'demo for Zürich'],
  service: ['backend', 'worker', 'cron', 'cache warmer', 'read replica', 'metrics push', 'queue consumer', 'failover', 'canary'],
  partner: ['order feed', 'sandbox', 'production', 'invoice sync', 'stock levels', 'tracking', 'payout report', 'catalogue import'],
}

/** What a key may do, and which scopes its calls ask for; what is granted and never asked for is the coach's business. */
export interface Role {
  readonly granted: readonly string[]
  readonly asked: readonly string[]
}

const role = (granted: string, asked = granted): Role => ({ granted: granted.split(' '), asked: asked.split(' ') })

export const ROLES: Readonly<Record<OwnerKind, readonly Role[]>> = {
  person: [
    role('read:orders read:users', 'read:orders'),
    role('read:metrics read:reports'),
    role('read:catalogue read:stock search:query', 'read:stock search:query'),
    role('read:users write:users', 'read:users'),
  ],
  service: [
    role('read:orders read:stock write:orders'),
    role('read:invoices write:invoices read:payouts', 'read:invoices write:invoices'),
    role('read:catalogue search:query write:search', 'search:query'),
    role('write:metrics'),
    role('read:webhooks write:webhooks'),
    role('read:users read:sessions write:sessions', 'read:sessions read:users'),
  ],
  partner: [
    role('read:orders:own write:orders:own'),
    role('read:shipments write:shipments', 'write:shipments'),
    role('read:invoices:own read:payouts:own', 'read:invoices:own'),
    role('read:catalogue read:stock'),
  ],
}

/** More than anybody needs: granted by wildcard, hardly used. */
export const BROAD_ROLES: readonly Role[] = [
  role('*', 'read:reports'),
  role('admin:*', 'admin:users'),
  role('read:* write:*', 'read:orders write:orders'),
  role('admin:keys admin:users read:audit', 'read:audit'),
  role('read:*', 'read:metrics'),
]

/** Scopes that keys are given and lose in the course of time. */
export const EXTRA_SCOPES = ['read:audit', 'read:refunds', 'write:refunds', 'read:taxes', 'write:stock', 'read:exports'] as const

/** A scope that the keys of a role don't have; calls ask for it by mistake. */
export const MISTAKEN_SCOPE = 'delete:orders'

const person = (name: string, osUser: string, host: string, via: Actor['via']): Actor => ({ name, osUser, host, via })

export const ADMINS: readonly Actor[] = [
  person('ann.larsen', 'ann', 'ann-laptop', 'tui'),
  person('b.okafor', 'bo', 'sec-01', 'tui'),
  person('józef.nowak', 'jnowak', 'sec-02', 'cli'),
]
export const SUPPORT: readonly Actor[] = [
  person('priya.raman', 'priya', 'support-3', 'tui'),
  person('lena.ivanova', 'lena', 'support-1', 'cli'),
]
export const MACHINES: readonly Actor[] = [
  person('deploy-bot', 'ci', 'ci-runner-4', 'cli'),
  person('partner-portal', 'www', 'portal-1', 'library'),
]
export const AUDITOR: Actor = person('audit-cron', 'root', 'sec-01', 'cli')

/** The servers that verify: in the past those of the record, now the processes of the demo. */
export const SERVERS = ['api-gateway', 'orders-api', 'partner-api'] as const
export const serverActor = (name: string): Actor => person(name, 'www', `${name}-1`, 'library')

export const REVOKED_BECAUSE = [
  'found in a public repository',
  'project ended',
  'replaced by a key with fewer scopes',
  'partner contract ended',
  'laptop stolen',
  'leaked in a support ticket',
] as const
export const DISABLED_BECAUSE = ['unpaid invoice', 'suspicious traffic, under investigation', 'pause until the migration is done'] as const
export const TAGS = ['ci', 'critical', 'eu', 'us', 'legacy', 'pci', 'batch', 'mobile'] as const
export const OFFICE_BLOCKS = ['10.20.0.0/16', '192.0.2.0/24', '2001:db8:4::/48'] as const

/** How often a key with an allow-list is tried from an address that is not on it. */
export const ELSEWHERE_PER_MINUTE = 0.3

/** Limits as they are written on the command line. */
export const LIMITS: Readonly<Record<OwnerKind, readonly (readonly string[])[]>> = {
  person: [['120/m'], ['60/m', 'daily=5000/d'], ['300/m']],
  service: [[], ['burst=200/s', '6000/m'], ['3000/m'], ['100000/h']],
  partner: [['600/m'], ['burst=20/s', '600/m'], ['60000/h', 'daily=500000/d']],
}
