// The round by openapi-fetch with the types of openapi-typescript. Arguments: URL, token, name,
// audit. Prints what it got.
import createClient from 'openapi-fetch'
import type { components, paths } from './generated/schema'

type Finding = components['schemas']['Finding']
const [url, token, name, audit] = process.argv.slice(2) as [string, string, string, string]
const options = { baseUrl: url, headers: { Authorization: `Bearer ${token}` } }
const api = createClient<paths, 'application/json'>(options) // whole objects, not parts of them
const files = createClient<paths>(options)
const pause = () => new Promise((resolve) => setTimeout(resolve, 500))

function the<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error))
  return answer.data
}

async function findings() {
  const found: Finding[] = []
  let pages = 0
  let cursor: string | null | undefined
  do {
    const query = cursor ? { limit: 50, cursor } : { limit: 50 }
    const page = the(await api.GET('/v1/findings', { params: { query } }))
    found.push(...page.data)
    cursor = page.next_cursor
    pages += 1
  } while (cursor !== null)
  return { found, pages }
}

async function file(id: string, format: 'pdf' | 'json') {
  const params = { path: { id }, query: { format } }
  return the(await files.GET('/v1/reports/{id}/download', { params, parseAs: 'text' }))
}

async function main() {
  const { found, pages } = await findings()
  const first = found[0]!
  const one = the(await api.GET('/v1/findings/{id}', { params: { path: { id: first.id } } }))
  const check: components['schemas']['CheckBody'] = {
    kind: 'check', key: `${name}-check`, title: 'Buckets have owners', dimension: 'compliance',
    severity: 'low', resource_types: ['aws.s3.bucket'], enabled: true, foreign: false,
    fail_when: "tag(resource, 'owner') == null",
  }
  const classification: components['schemas']['ClassificationBody'] = {
    kind: 'classification', key: `${name}-class`, title: 'None', when: 'false', reason: 'A try',
    enabled: true, suppress: false, set: { severity: 'info' },
  }
  const made = [
    the(await api.POST('/v1/policies', { body: check })).key,
    the(await api.POST('/v1/policies', { body: classification })).key,
  ]
  const connections = the(await api.GET('/v1/connections')).data
  let started = the(await api.POST('/v1/audits', {
    body: { connection_ids: [connections[0]!.id], scope: { services: ['sqs'] } },
  }))
  while (started.finished_at === null) {
    await pause()
    started = the(await api.GET('/v1/audits/{id}', { params: { path: { id: started.id } } }))
  }
  let report = the(await api.POST('/v1/reports', {
    body: { kind: 'executive_summary', audit_id: audit },
  }))
  while (report.finished_at === null) {
    await pause()
    report = the(await api.GET('/v1/reports/{id}', { params: { path: { id: report.id } } }))
  }
  const pdf = await file(report.id, 'pdf')
  const document: components['schemas']['ReportDocument'] = JSON.parse(
    await file(report.id, 'json'))
  const bundle = the(await files.GET('/v1/audits/{id}/bundle', {
    params: { path: { id: audit } }, parseAs: 'blob',
  }))
  const refused = await api.POST('/v1/policies', {
    body: { ...check, key: `${name}-broken`, fail_when: '(' },
  })
  let limited = await api.GET('/v1/me')
  while (limited.data !== undefined) limited = await api.GET('/v1/me')
  console.log(JSON.stringify({
    findings: new Set(found.map((finding) => finding.id)).size, pages: pages > 1,
    one: one.title === first.title, policies: made,
    pdf: pdf.slice(0, 5), json: document.kind,
    bundle: await bundle.slice(0, 2).text(),
    refused: [
      refused.response.status, refused.error!.error.code, refused.error!.error.details![0]!.field,
    ],
    limited: [limited.response.status, limited.error!.error.code],
    retry: Number(limited.response.headers.get('Retry-After')) > 0,
  }))
}

void main()
