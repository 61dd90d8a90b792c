// Shows the buttons of what the caller may do, by sallyport.v1.AccessService. It decides
// nothing: the server decides on every call.

interface Question {
  procedure: string;
  json: string;
}

interface Answer {
  allowed?: boolean;
  code?: string;
}

// mostQuestions is how many questions one call may have.
const mostQuestions = 32;

async function call<Response>(method: string, request: object, headers: Record<string, string>): Promise<Response> {
  const response = await fetch(`/sallyport.v1.AccessService/${method}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Connect-Protocol-Version": "1", ...headers },
    body: JSON.stringify(request),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.code);
  return body;
}

// checkAccess says of each question whether the call would be let in.
export async function checkAccess(questions: Question[], headers: Record<string, string> = {}): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < questions.length; from += mostQuestions) {
    const asked = questions.slice(from, from + mostQuestions);
    const response = await call<{ answers: Answer[] }>("CheckAccess", { questions: asked }, headers);
    answers.push(...response.answers);
  }
  return answers;
}

// showButtons shows the buttons that can be used. They are hidden in the page, so that
// what is not answered stays hidden.
export async function showButtons(within: ParentNode, headers: Record<string, string> = {}): Promise<void> {
  const buttons = [...within.querySelectorAll<HTMLButtonElement>("button[data-procedure]")];
  const answers = await checkAccess(
    buttons.map(({ dataset }) => ({ procedure: dataset.procedure ?? "", json: dataset.request ?? "{}" })),
    headers,
  );
  buttons.forEach((button, i) => {
    button.hidden = answers[i]?.allowed !== true;
  });
}
