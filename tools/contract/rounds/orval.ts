// The round by a client of orval. Arguments: URL, token, name, audit. Prints what it got.
import * as api from './generated/api'

const [url, token, name, audit] = process.argv.slice(2) as [string, string, string, string]
const options = { headers: { Authorization: `Bearer ${token}` } }
const pause = () => new Promise((resolve) => setTimeout(resolve, 500))
const plain = globalThis.fetch // orval's functions take paths: the address is the program's
globalThis.fetch = (path, init) => {
  const headers = { 'Content-Type': 'application/json', ...init?.headers }
  return plain(`${url}${path}`, { ...init, headers })
}

async function findings() {
  const found: api.Finding[] = []
  let pages = 0
  let cursor: string | null | undefined
  do {
    const answer = await api.listFindings(cursor ? { limit: 50, cursor } : { limit: 50 }, options)
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.data))
    found.push(...answer.data.data)
    cursor = answer.data.next_cursor
    pages += 1
  } while (cursor !== null)
  return { found, pages }
}

async function auditOf(connection: string) {
  let answer: api.createAuditResponse | api.getAuditResponse = await api.createAudit(
    { connection_ids: [connection], scope: { services: ['sqs'] } }, options)
  for (;;) {
    if (answer.status !== 202 && answer.status !== 200) throw new Error(String(answer.status))
    if (answer.data.finished_at !== null) return answer.data
    await pause()
    answer = await api.getAudit(answer.data.id, {}, options)
  }
}

async function reportOf(ident: string) {
  let answer: api.createReportResponse | api.getReportResponse = await api.createReport(
    { kind: 'executive_summary', audit_id: ident }, options)
  for (;;) {
    if (answer.status !== 202 && answer.status !== 200) throw new Error(String(answer.status))
    if (answer.data.finished_at !== null) return answer.data
    await pause()
    answer = await api.getReport(answer.data.id, {}, options)
  }
}

async function policy(body: api.PolicyBody) {
  const answer = await api.createPolicy(body, options)
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.data))
  return answer.data.key
}

async function main() {
  const { found, pages } = await findings()
  const first = found[0]!
  const one = await api.getFinding(first.id, {}, options)
  if (one.status !== 200) throw new Error(String(one.status))
  const check: api.CheckBody = {
    kind: 'check', key: `${name}-check`, title: 'Buckets have owners', dimension: 'compliance',
    severity: 'low', resource_types: ['aws.s3.bucket'],
    fail_when: "tag(resource, 'owner') == null",
  }
  const classification: api.ClassificationBody = {
    kind: 'classification', key: `${name}-class`, title: 'None', when: 'false', reason: 'A try',
    set: { severity: 'info' },
  }
  const made = [await policy(check), await policy(classification)]
  const connections = await api.listConnections({}, options)
  if (connections.status !== 200) throw new Error(String(connections.status))
  await auditOf(connections.data.data[0]!.id)
  const report = await reportOf(audit)
  const pdf = (await api.downloadReport(report.id, { format: 'pdf' }, options)).data as Blob
  const json = (await api.downloadReport(report.id, { format: 'json' }, options)).data as Blob
  const document = JSON.parse(await json.text()) as api.ReportDocument
  const bundle = (await api.getAuditBundle(audit, options)).data as Blob
  const refused = await api.createPolicy(
    { ...check, key: `${name}-broken`, fail_when: '(' }, options)
  if (refused.status !== 422) throw new Error(String(refused.status))
  let limited = await api.getMe(options)
  while (limited.status === 200) limited = await api.getMe(options)
  if (limited.status !== 429) throw new Error(String(limited.status))
  console.log(JSON.stringify({
    findings: new Set(found.map((finding) => finding.id)).size, pages: pages > 1,
    one: one.data.title === first.title, policies: made, pdf: await pdf.slice(0, 5).text(),
    json: document.kind, bundle: await bundle.slice(0, 2).text(),
    refused: [
      refused.status, refused.data.error.code, refused.data.error.details![0]!.field,
    ],
    limited: [limited.status, limited.data.error.code],
    retry: Number(limited.headers.get('Retry-After')) > 0,
  }))
}

void main()
