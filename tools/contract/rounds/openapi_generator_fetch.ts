// The round by a client of OpenAPI Generator's `typescript-fetch`. Arguments: URL, token, name,
// audit. Prints what it got.
import * as api from './generated'

const [url, token, name, audit] = process.argv.slice(2) as [string, string, string, string]
// Of a scheme of OAuth it takes the whole header, of one of HTTP the token.
const accessToken = (scheme?: string) => (scheme === 'oauth' ? `Bearer ${token}` : token)
const config = new api.Configuration({ basePath: url, accessToken })
const findingsApi = new api.FindingsApi(config)
const policies = new api.PoliciesApi(config)
const audits = new api.AuditsApi(config)
const reports = new api.ReportsApi(config)
const account = new api.AccountApi(config)
const pause = () => new Promise((resolve) => setTimeout(resolve, 500))

async function findings() {
  const found: api.Finding[] = []
  let pages = 0
  let cursor: string | null = null
  do {
    const page: api.FindingPage = await findingsApi.listFindings(
      cursor === null ? { limit: 50 } : { limit: 50, cursor })
    found.push(...page.data)
    cursor = page.nextCursor
    pages += 1
  } while (cursor !== null)
  return { found, pages }
}

async function refusal(ask: () => Promise<unknown>) {
  try {
    await ask()
  } catch (error) {
    if (!(error instanceof api.ResponseError)) throw error
    const body = api.ErrorEnvelopeFromJSON(await error.response.json())
    return { response: error.response, error: body.error }
  }
  return null
}

async function main() {
  const { found, pages } = await findings()
  const first = found[0]!
  const one = await findingsApi.getFinding({ id: first.id })
  const check: api.CheckBody = {
    kind: 'check', key: `${name}-check`, title: 'Buckets have owners', dimension: 'compliance',
    severity: 'low', resourceTypes: new Set(['aws.s3.bucket']),
    failWhen: "tag(resource, 'owner') == null",
  }
  const classification: api.ClassificationBody = {
    kind: 'classification', key: `${name}-class`, title: 'None', when: 'false', reason: 'A try',
    set: { severity: 'info' },
  }
  const made = [
    await policies.createPolicy({ policyBody: { ...check, kind: 'check' } }),
    await policies.createPolicy({ policyBody: classification }),
  ]
  const connections = await new api.ConnectionsApi(config).listConnections()
  let started = await audits.createAudit({
    auditBody: {
      connectionIds: new Set([connections.data[0]!.id]), scope: { services: new Set(['sqs']) },
    },
  })
  while (started.finishedAt === null) {
    await pause()
    started = await audits.getAudit({ id: started.id })
  }
  let report = await reports.createReport({
    reportBody: { kind: 'executive_summary', auditId: audit },
  })
  while (report.finishedAt === null) {
    await pause()
    report = await reports.getReport({ id: report.id })
  }
  const file = async (format: api.DownloadReportFormat) =>
    (await reports.downloadReport({ id: report.id, format })) as unknown as Blob
  const pdf = await file('pdf')
  const document = api.ReportDocumentFromJSON(JSON.parse(await (await file('json')).text()))
  const bundle = (await audits.getAuditBundle({ id: audit })) as unknown as Blob
  const refused = await refusal(() => policies.createPolicy({
    policyBody: { ...check, kind: 'check', key: `${name}-broken`, failWhen: '(' },
  }))
  let limited = null
  while (limited === null) limited = await refusal(() => account.getMe())
  console.log(JSON.stringify({
    findings: new Set(found.map((finding) => finding.id)).size, pages: pages > 1,
    one: one.title === first.title, policies: made.map((policy) => policy.key),
    pdf: await pdf.slice(0, 5).text(), json: document.kind, bundle: await bundle.slice(0, 2).text(),
    refused: [refused!.response.status, refused!.error.code, refused!.error.details![0]!.field],
    limited: [limited.response.status, limited.error.code],
    retry: Number(limited.response.headers.get('Retry-After')) > 0,
  }))
}

void main()
